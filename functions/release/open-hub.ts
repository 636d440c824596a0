/**
 * Opens a hub on its table, or finds it as it was. A new URL or signing key makes a new charter; a new epoch is
 * opened only when asked, after a restore from a copy.
 */
import { charterSchema, type Charter } from "#core/charter.ts";
import { canonicalJson } from "#core/digest.ts";
import type { Db } from "../store/db.ts";
import { findHub, putHub, type Hub } from "../store/hub.ts";
import { kidOf, publicHalf, signCharter, type PrivateKey } from "./sign.ts";

export interface Opening {
  hub: string;
  recovery: PrivateKey;
  signing: PrivateKey;
  url: string;
  newEpoch: boolean;
}

export async function openHub(db: Db, opening: Opening): Promise<Hub> {
  const before = await findHub(db);
  const epoch = (before?.epoch ?? (opening.newEpoch ? 0 : 1)) + (opening.newEpoch ? 1 : 0);
  const key = publicHalf(opening.signing);
  const facts = { hub: opening.hub, epoch, signers: [{ kid: kidOf(key), key }], urls: [opening.url] };
  if (before !== undefined && sameFacts(before, facts)) return before;
  const serial = nextSerial(before);
  const charter = await signCharter(charterSchema.parse({ ...facts, serial }), opening.recovery);
  const hub: Hub = { hub: opening.hub, epoch, serial, charter, recoveryKey: publicHalf(opening.recovery) };
  if ((await putHub(db, hub)) === "lost")
    throw new Error("another process opened this hub at the same moment: start one of them again");
  return hub;
}

/** Seconds since 1970: also a hub restored from a copy, which forgot some charters, goes above all it ever made. */
function nextSerial(before: Hub | undefined): number {
  return Math.max((before?.serial ?? 0) + 1, Math.floor(Date.now() / 1000));
}

function sameFacts(before: Hub, facts: Omit<Charter, "serial">): boolean {
  const payload = JSON.parse(
    Buffer.from(before.charter.split(".")[1] ?? "", "base64url").toString(),
  ) as Charter;
  const { serial: _, ...held } = payload;
  return canonicalJson(held) === canonicalJson(facts);
}
