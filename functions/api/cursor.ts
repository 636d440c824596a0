/**
 * Cursors of lists: where a page ended, sealed with the hub's key and bound to its list. Nobody can make one, read one,
 * or carry one to another project or selector; the same place always gives the same cursor, so ETags stay still.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { Problem } from "#core/problem.ts";
import { ensureCursorKey, findCursorKey } from "../store/cursor-key.ts";
import type { Db } from "../store/db.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** `scope` says which list it is: any text that differs between two lists. */
export interface Cursors {
  seal(scope: string, place: string): Promise<string>;
  /** Throws `invalid-request` for what was not given out for this list. */
  open(scope: string, cursor: string): Promise<string>;
}

export function createCursors(db: Db): Cursors {
  let held: string | undefined;
  return {
    seal: async (scope, place) => {
      held ??= await ensureCursorKey(db, randomBytes(KEY_BYTES).toString("base64url"));
      return seal(held, scope, place);
    },
    open: async (scope, cursor) => {
      // A request that brings a cursor writes nothing: where no key is, no cursor was given out.
      held ??= await findCursorKey(db);
      const place = held === undefined ? undefined : open(held, scope, cursor);
      if (place !== undefined) return place;
      throw new Problem(
        "invalid-request",
        "cursor: was not given out for this list with this selector; begin again without one",
      );
    },
  };
}

/** The nonce is an HMAC of what is sealed: it repeats only where the whole cursor does. */
function seal(key: string, scope: string, place: string): string {
  const nonce = createHmac("sha256", subkey(key, "nonce"))
    .update(JSON.stringify([scope, place]))
    .digest()
    .subarray(0, NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, subkey(key, "seal"), nonce).setAAD(Buffer.from(scope));
  const sealed = Buffer.concat([cipher.update(place, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64url");
}

function open(key: string, scope: string, cursor: string): string | undefined {
  const bytes = Buffer.from(cursor, "base64url");
  if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString("base64url") !== cursor) return undefined;
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, subkey(key, "seal"), nonce)
    .setAAD(Buffer.from(scope))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  const opened = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
  try {
    return Buffer.concat([opened, decipher.final()]).toString("utf8");
  } catch {
    // The tag does not fit: forged, cut, or of another list.
    return undefined;
  }
}

function subkey(key: string, use: string): Buffer {
  return Buffer.from(hkdfSync("sha256", Buffer.from(key, "base64url"), "", `cursor ${use}`, KEY_BYTES));
}
