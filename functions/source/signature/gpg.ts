/**
 * Detached OpenPGP signatures, by the library `openpgp`. The key must have been valid when it signed and must be so now:
 * an expired or revoked key vouches for nothing new. It never throws.
 */
import type * as Library from "openpgp";
import type { Key, PartialConfig, SignaturePacket } from "openpgp";
import { sentence } from "#core/text.ts";
import { altered, refused, type Verdict } from "./verdict.ts";

export interface GpgSigner {
  readonly name: string;
  /** An armored public key block; it may hold several keys. */
  readonly gpg: string;
}

type OpenPgp = typeof Library;
interface Found {
  readonly signer: string;
  readonly key: Key;
}

/** Clocks of the signing machine and of the hub may differ by this. */
const SKEW_MS = 5 * 60_000;
/**
 * A renewed key is often exported with its newest self-signature alone. A commit signed before the renewal counts then, as
 * long as the key is older than the commit and valid now.
 */
const CONFIG: PartialConfig = { allowInsecureVerificationWithReformattedKeys: true };

/** `type` is what the signature must be of: the bytes of a file, or a text whatever its line ends are. */
export async function verifyGpg(
  payload: Uint8Array,
  armored: string,
  signers: readonly GpgSigner[],
  now: number,
  type: "binary" | "text" = "binary",
): Promise<Verdict> {
  // Loaded when a signature is there: the library is large, and most functions meet none.
  const openpgp = await import("openpgp");
  const packet = await readPacket(openpgp, armored, type);
  if (typeof packet === "string") return refused(packet);
  const { found, faults } = await findKeys(openpgp, packet, signers);
  // One key may stand there twice, as it was and renewed: one that holds is enough.
  let verdict: Verdict | undefined;
  for (const one of found) {
    const next = await check(openpgp, payload, packet, one, now);
    if (next.kind === "signed") return next;
    verdict ??= next;
  }
  const [fault] = faults;
  return verdict ?? (fault === undefined ? { kind: "foreign", key: nameOf(packet) } : refused(fault));
}

/** The one signature in the armor, or why it is not taken. */
async function readPacket(
  openpgp: OpenPgp,
  armored: string,
  type: "binary" | "text",
): Promise<SignaturePacket | string> {
  try {
    const { packets } = await openpgp.readSignature({ armoredSignature: armored });
    const [packet] = packets;
    if (packet === undefined || packets.length !== 1)
      return `carries ${packets.length} OpenPGP signatures, not one`;
    // Other types sign something else than the content, or nothing at all.
    if (packet.signatureType !== openpgp.enums.signature[type])
      return `carries an OpenPGP signature of another type than that of a ${type === "binary" ? "file" : "text"}`;
    return packet;
  } catch (error) {
    return `carries an OpenPGP signature that cannot be read (${said(error)})`;
  }
}

/** Whose keys have the signature's key id, and whose cannot be read. */
async function findKeys(
  openpgp: OpenPgp,
  packet: SignaturePacket,
  signers: readonly GpgSigner[],
): Promise<{ found: Found[]; faults: string[] }> {
  const found: Found[] = [];
  const faults: string[] = [];
  for (const { name, gpg } of signers)
    try {
      const keys = await openpgp.readKeys({ armoredKeys: gpg });
      const own = keys.filter((key) => key.getKeys(packet.issuerKeyID).length > 0);
      found.push(...own.map((key) => ({ signer: name, key })));
    } catch (error) {
      faults.push(
        `cannot be checked: the key of signer ${name} in the Project is no OpenPGP public key (${said(error)})`,
      );
    }
  return { found, faults };
}

async function check(
  openpgp: OpenPgp,
  payload: Uint8Array,
  packet: SignaturePacket,
  { signer, key }: Found,
  now: number,
): Promise<Verdict> {
  const name = nameOf(packet);
  const curve = key.getKeys(packet.issuerKeyID)[0]?.getAlgorithmInfo().curve ?? "";
  // The library verifies these only with packages that it does not bring along.
  if (curve.startsWith("brainpool"))
    return refused(
      `is signed by ${signer} with ${name}, which is on the curve ${curve}, which is not read here; take Ed25519`,
    );
  try {
    const list = new openpgp.PacketList<SignaturePacket>();
    list.push(packet);
    const { signatures } = await openpgp.verify({
      message: await openpgp.createMessage({ binary: payload }),
      signature: new openpgp.Signature(list),
      verificationKeys: key,
      format: "binary",
      date: new Date(now + SKEW_MS),
      config: CONFIG,
    });
    if (signatures[0] === undefined) return refused(`carries a signature of ${name} that cannot be verified`);
    await signatures[0].verified;
    const config = { ...openpgp.config, ...CONFIG };
    const used = await key.getSigningKey(packet.issuerKeyID, new Date(now), undefined, config);
    return { kind: "signed", signer, key: used.getFingerprint().toUpperCase() };
  } catch (error) {
    return explain(error, signer, name);
  }
}

/** The library tells causes by their text alone; what is not in this list is quoted. */
const CAUSES: readonly [pattern: RegExp, reason: (signer: string, key: string) => string][] = [
  [
    /insecure (?:message )?hash algorithm: (\w+)/i,
    (signer, key) =>
      `is signed by ${signer} (${key}) over a hash that can be forged (SHA-1, MD5 or RIPEMD); sign with SHA-256 or better`,
  ],
  [
    /signature is expired/i,
    (signer, key) => `carries a signature of ${signer} (${key}) that has expired; sign again`,
  ],
  [
    /in the future/i,
    (signer, key) =>
      `carries a signature of ${signer} (${key}) from the future; check the clock where it was signed`,
  ],
  [
    /revoked/i,
    (signer, key) => `is signed by ${signer} with ${key}, which is revoked; sign with a key that holds`,
  ],
  [
    /expired/i,
    (signer, key) =>
      `is signed by ${signer} with ${key}, which has expired; renew the key and put it into spec.signers of the Project`,
  ],
];

function explain(error: unknown, signer: string, key: string): Verdict {
  const text = said(error);
  if (/digest did not match|signature verification failed/i.test(text)) return altered(signer, key);
  const [, reason] = CAUSES.find(([pattern]) => pattern.test(text)) ?? [];
  return refused(
    reason?.(signer, key) ?? `carries a signature of ${signer} (${key}) that does not hold (${text})`,
  );
}

/** The full fingerprint where the signature says it, else the key id. */
function nameOf({ issuerFingerprint, issuerKeyID }: SignaturePacket): string {
  const hex =
    issuerFingerprint === null ? issuerKeyID.toHex() : Buffer.from(issuerFingerprint).toString("hex");
  return `OpenPGP key ${hex.toUpperCase()}`;
}

function said(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
  return sentence(line, 150);
}
