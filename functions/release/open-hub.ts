/**
 * Opens a hub on its table, or finds it as it was. What the table says outweighs the keys at hand: a charter that names
 * this hub's address and signing key stays, whoever signed it. A new one is made only with the right recovery key.
 */
import { hubStamp } from "#core/actor.ts";
import { charterSchema, fingerprintOf, kidOf, type Charter, type PublicKey } from "#core/charter.ts";
import { nextSerial } from "#core/hub.ts";
import type { Db } from "../store/db.ts";
import { charterOf, findHub, type Hub } from "../store/hub.ts";
import { noteSigning, putHub, raiseFormat } from "../store/hub-write.ts";
import { FORMAT } from "../store/format.ts";
import { ensureProjects } from "../store/resource.ts";
import { publicHalf, signCharter, type PrivateKey } from "./sign.ts";

export interface Opening {
  hub: string;
  recovery: PrivateKey;
  /** Of which only the public half is looked at. */
  signing: PublicKey;
  url: string;
  newEpoch: boolean;
}

const SIGNERS_MAX = 8;

/** Throws when a new epoch is asked for with another recovery key than agents pin. */
export async function openHub(db: Db, opening: Opening): Promise<Hub> {
  await raiseFormat(db);
  const before = await findHub(db);
  await ensureProjects(db, hubStamp("open"));
  const signing = kidOf(opening.signing);
  if (before === undefined) return charter(db, opening, undefined, firstFacts(opening));
  if (before.signing !== signing) await noteSigning(db, signing);
  const held = charterOf(before);
  const fits = gapsOf(held, opening).length === 0;
  if (fits && !opening.newEpoch) return { ...before, signing };
  const isOurs = fingerprintOf(before.recoveryKey) === fingerprintOf(opening.recovery);
  if (!isOurs && opening.newEpoch)
    throw new Error(
      `a new epoch of hub ${before.hub} needs its recovery key, ${fingerprintOf(before.recoveryKey)}: use fairlead hub new-epoch --recovery-key FILE`,
    );
  // Told by `gapsOf` to who starts it: the hub answers, and a charter can be brought to it.
  if (!isOurs) return { ...before, signing };
  return charter(db, opening, before, nextFacts(held, opening));
}

/** What the charter lacks for this hub to be obeyed; empty when nothing. */
export function gapsOf(
  { urls, signers }: Charter,
  { url, signing }: Pick<Opening, "url" | "signing">,
): string[] {
  const kid = kidOf(signing);
  const key = signers.some((signer) => signer.kid === kid) ? [] : [`signing key ${kid}`];
  return urls.includes(url) ? key : [`address ${url}`, ...key];
}

type Facts = Omit<Charter, "serial">;

function firstFacts({ hub, signing, url }: Opening): Facts {
  return { hub, epoch: 1, signers: [signerOf(signing)], urls: [url] };
}

/** Keys of before stay named in the same epoch: what they signed is still in force. */
function nextFacts(held: Charter, { newEpoch, signing, url }: Opening): Facts {
  const mine = signerOf(signing);
  const others = newEpoch ? [] : held.signers.filter(({ kid }) => kid !== mine.kid);
  return {
    hub: held.hub,
    epoch: held.epoch + (newEpoch ? 1 : 0),
    signers: [mine, ...others].slice(0, SIGNERS_MAX),
    urls: held.urls.includes(url) ? held.urls : [url],
    ...(held.region === undefined ? {} : { region: held.region }),
  };
}

function signerOf(signing: PublicKey): Charter["signers"][number] {
  const key = publicHalf(signing);
  return { kid: kidOf(key), key };
}

async function charter(
  db: Db,
  { recovery, signing }: Opening,
  before: Hub | undefined,
  facts: Facts,
): Promise<Hub> {
  const serial = nextSerial(before?.serial ?? 0, Date.now());
  const jws = await signCharter(charterSchema.parse({ ...facts, serial }), recovery);
  const hub: Hub = {
    ...before,
    hub: facts.hub,
    epoch: facts.epoch,
    serial,
    charter: jws,
    recoveryKey: publicHalf(recovery),
    signing: kidOf(publicHalf(signing)),
    format: FORMAT,
  };
  if ((await putHub(db, hub, before)) === "lost")
    throw new Error("another process opened this hub at the same moment: start one of them again");
  return hub;
}
