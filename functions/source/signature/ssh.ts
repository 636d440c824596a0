/**
 * Signatures as `ssh-keygen -Y sign` makes them, with the namespace that Git uses (OpenSSH, PROTOCOL.sshsig). The key that counts is
 * the Project's; the one inside the signature only says which of them to take. It never throws.
 */
import { createHash } from "node:crypto";
import { readSshKey, sshFingerprint } from "./ssh-key.ts";
import { altered, refused, type Verdict } from "./verdict.ts";
import { field, Wire, WireError } from "./wire.ts";

export interface SshSigner {
  readonly name: string;
  /** A line as in `id_ed25519.pub`: type, base64, perhaps a comment. */
  readonly ssh: string;
}

interface SshSignature {
  readonly key: Buffer;
  readonly reserved: Buffer;
  readonly hash: string;
  /** Format and the format's own fields. */
  readonly signature: Buffer;
}

const MAGIC = Buffer.from("SSHSIG");
const VERSION = 1;
const NAMESPACE = "git";
const HASHES = new Set(["sha256", "sha512"]);
/** In base64, with line ends: the largest RSA key and its signature take about 6,000. */
const ARMOR_CHARS_MAX = 10_000;
const ARMOR = /^-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END SSH SIGNATURE-----\s*$/;

export function verifySsh(payload: Uint8Array, armored: string, signers: readonly SshSigner[]): Verdict {
  try {
    const signature = readSignature(armored);
    const signer = signers.find((one) => blobOf(one).equals(signature.key));
    if (signer === undefined) return { kind: "foreign", key: `SSH key ${sshFingerprint(signature.key)}` };
    return check(payload, signature, signer);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return refused(`carries an SSH signature that cannot be taken: ${error.message}`);
  }
}

function check(payload: Uint8Array, found: SshSignature, signer: SshSigner): Verdict {
  const key = readSshKey(blobOf(signer));
  const digest = createHash(found.hash).update(payload).digest();
  const signed = Buffer.concat([
    MAGIC,
    ...[NAMESPACE, found.reserved, found.hash, digest].map((part) => field(part)),
  ]);
  const own = new Wire(found.signature);
  const fits = key.check(own.text(), own, signed);
  return fits
    ? { kind: "signed", signer: signer.name, key: key.fingerprint }
    : altered(signer.name, `SSH key ${key.fingerprint}`);
}

function readSignature(armored: string): SshSignature {
  const [, base64] = (armored.length <= ARMOR_CHARS_MAX ? ARMOR.exec(armored) : null) ?? [];
  if (base64 === undefined) throw new WireError(`it is no armor of at most ${ARMOR_CHARS_MAX} characters`);
  const fields = new Wire(Buffer.from(base64, "base64"));
  if (!fields.take(MAGIC.length).equals(MAGIC) || fields.uint32() !== VERSION)
    throw new WireError(`it is no SSHSIG of version ${VERSION}`);
  const [key, namespace, reserved, hash, signature] = [
    fields.bytes(),
    fields.text(),
    fields.bytes(),
    fields.text(),
    fields.bytes(),
  ];
  fields.end();
  if (namespace !== NAMESPACE)
    throw new WireError(`its namespace is not ${NAMESPACE}: it was made for something else`);
  if (!HASHES.has(hash)) throw new WireError("its hash is neither sha256 nor sha512");
  return { key, reserved, hash, signature };
}

function blobOf({ ssh }: SshSigner): Buffer {
  return Buffer.from(ssh.split(" ", 2)[1] ?? "", "base64");
}
