/** People's API over a hub's parts, with charters as the recovery key's keeper would sign them. */
import type { Charter } from "#core/charter.ts";
import { exportPageSchema, type ExportLine } from "#core/export.ts";
import { createHash } from "node:crypto";
import { buildApp } from "../../../functions/api/app.ts";
import { openHub } from "../../../functions/release/open-hub.ts";
import {
  kidOf,
  makePrivateKey,
  publicHalf,
  signCharter,
  type PrivateKey,
} from "../../../functions/release/sign.ts";
import { findHub, type Hub } from "../../../functions/store/hub.ts";
import { keys } from "../../../functions/store/table.ts";
import { headersOf, type CallerOptions } from "../../support/caller.ts";
import { hubParts, type HubParts } from "../../support/hub-parts.ts";

export interface TransferHub {
  parts: HubParts;
  recovery: PrivateKey;
  signing: PrivateKey;
  hub(): Promise<Hub>;
  call: (method: string, path: string, body?: unknown, as?: CallerOptions) => Promise<Response>;
  charter(change: Partial<Charter>, by?: PrivateKey): Promise<string>;
}

/** A hub whose recovery key the test holds. */
export async function transferHub(id: string): Promise<TransferHub> {
  const parts = await hubParts();
  const [recovery, signing] = [await makePrivateKey(), await makePrivateKey()];
  await parts.db.delete(keys.hub());
  await openHub(parts.db, { hub: id, recovery, signing, url: `https://${id}.example.com`, newEpoch: false });
  const app = buildApp({ ...parts, log: () => undefined, hubUrl: `https://${id}.example.com` });
  const hub = async (): Promise<Hub> => {
    const found = await findHub(parts.db);
    if (found === undefined) throw new Error("the hub is gone");
    return found;
  };
  return {
    parts,
    recovery,
    signing,
    hub,
    call: async (method, path, body, as = {}) => {
      const headers = await headersOf(parts.db, { now: parts.now(), ...as });
      return app.request(path, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    },
    charter: async (change, by = recovery) => {
      const now = await hub();
      const key = publicHalf(signing);
      const facts = { signers: [{ kid: kidOf(key), key }], urls: [`https://${id}.example.com`] };
      return signCharter({ hub: now.hub, epoch: now.epoch, serial: now.serial + 1, ...facts, ...change }, by);
    },
  };
}

/** All lines, and the digest that names them, as the CLI writes both. */
export async function exportOf({
  call,
}: TransferHub): Promise<{ lines: ExportLine[]; digest: string; pages: number }> {
  const hash = createHash("sha256");
  const lines: ExportLine[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const path: string =
      cursor === undefined ? "/v1/export" : `/v1/export?cursor=${encodeURIComponent(cursor)}`;
    const answer = await call("GET", path);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    const page = exportPageSchema.parse(await answer.json());
    lines.push(...(page.lines as ExportLine[]));
    for (const line of page.lines) hash.update(`${JSON.stringify(line)}\n`);
    cursor = page.next;
    pages += 1;
  } while (cursor !== undefined);
  const digest = hash.digest("hex");
  lines.push({ kind: "end", lines: lines.length, digest });
  return { lines, digest, pages };
}
