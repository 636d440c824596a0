/**
 * Public keys of OpenSSH and what a signature by each is: Ed25519, ECDSA on the NIST curves, RSA with SHA-2, and the first two
 * in a security key (`sk-`), whose holder must have touched it. Signatures over SHA-1 and certificates are refused.
 */
import { createHash, createPublicKey, verify, type JsonWebKey, type KeyObject } from "node:crypto";
import { Wire, WireError } from "./wire.ts";

/** Reads the signature's own fields after its format, and tells whether it fits `data`. Throws `WireError`. */
type Check = (format: string, signature: Wire, data: Buffer) => boolean;
type ReadKey = (fields: Wire) => Check;

const RSA_BITS_MIN = 2048;
const RSA_BITS_MAX = 16_384;
const RSA_EXPONENT_BYTES_MAX = 8;
const RSA_HASHES: Record<string, string> = { "rsa-sha2-256": "sha256", "rsa-sha2-512": "sha512" };
const USER_PRESENT = 0x01;

const READERS: Record<string, ReadKey> = {
  "ssh-ed25519": (fields) => plain("ssh-ed25519", ed25519(fields)),
  "ecdsa-sha2-nistp256": (fields) => plain("ecdsa-sha2-nistp256", ecdsa(fields, "nistp256")),
  "ecdsa-sha2-nistp384": (fields) => plain("ecdsa-sha2-nistp384", ecdsa(fields, "nistp384")),
  "ecdsa-sha2-nistp521": (fields) => plain("ecdsa-sha2-nistp521", ecdsa(fields, "nistp521")),
  "ssh-rsa": rsa,
  "sk-ssh-ed25519@openssh.com": (fields) =>
    securityKey("sk-ssh-ed25519@openssh.com", ed25519(fields), fields),
  "sk-ecdsa-sha2-nistp256@openssh.com": (fields) =>
    securityKey("sk-ecdsa-sha2-nistp256@openssh.com", ecdsa(fields, "nistp256"), fields),
};

export interface SshKey {
  readonly fingerprint: string;
  readonly check: Check;
}

/** `blob` is the middle part of a public key line, decoded. Throws `WireError` for what is no key that is read here. */
export function readSshKey(blob: Buffer): SshKey {
  const fields = new Wire(blob);
  const type = fields.text();
  const read = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (read === undefined)
    throw new WireError(`keys of type ${JSON.stringify(type.slice(0, 60))} are not read here`);
  const check = read(fields);
  fields.end();
  return { fingerprint: sshFingerprint(blob), check };
}

/** As `ssh-keygen -l` prints it. */
export function sshFingerprint(blob: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** One raw signature (the content of its field) against the data. */
type Raw = (signature: Buffer, data: Buffer) => boolean;

function plain(type: string, raw: Raw): Check {
  return (format, signature, data) => {
    if (format !== type)
      throw new WireError(`the signature is of format ${JSON.stringify(format.slice(0, 60))}`);
    const own = signature.bytes();
    signature.end();
    return raw(own, data);
  };
}

/** The device signs the digest of what it is for, its flags, its counter, and the digest of the data. */
function securityKey(type: string, raw: Raw, fields: Wire): Check {
  const application = sha256(fields.bytes());
  return (format, signature, data) => {
    if (format !== type)
      throw new WireError(`the signature is of format ${JSON.stringify(format.slice(0, 60))}`);
    const own = signature.bytes();
    const flagsAndCounter = signature.take(5);
    signature.end();
    if ((flagsAndCounter.readUInt8() & USER_PRESENT) === 0)
      throw new WireError("the security key was not touched when it signed");
    return raw(own, Buffer.concat([application, flagsAndCounter, sha256(data)]));
  };
}

function ed25519(fields: Wire): Raw {
  const x = fields.bytes();
  if (x.length !== 32) throw new WireError("an Ed25519 key has 32 bytes");
  const key = keyOf({ kty: "OKP", crv: "Ed25519", x: x.toString("base64url") });
  return (signature, data) => signature.length === 64 && verify(null, data, key, signature);
}

const CURVES = {
  nistp256: { crv: "P-256", hash: "sha256", bytes: 32 },
  nistp384: { crv: "P-384", hash: "sha384", bytes: 48 },
  nistp521: { crv: "P-521", hash: "sha512", bytes: 66 },
};

function ecdsa(fields: Wire, name: keyof typeof CURVES): Raw {
  const { crv, hash, bytes } = CURVES[name];
  const [curve, point] = [fields.text(), fields.bytes()];
  if (curve !== name || point.length !== 1 + 2 * bytes || point[0] !== 0x04)
    throw new WireError(`the key holds no uncompressed point of ${name}`);
  const x = point.subarray(1, 1 + bytes).toString("base64url");
  const y = point.subarray(1 + bytes).toString("base64url");
  const key = keyOf({ kty: "EC", crv, x, y });
  return (signature, data) => {
    const numbers = new Wire(signature);
    const pair = [numbers.positive(), numbers.positive()].map((number) => padded(number, bytes));
    numbers.end();
    return verify(hash, data, { key, dsaEncoding: "ieee-p1363" }, Buffer.concat(pair));
  };
}

function rsa(fields: Wire): Check {
  const [e, n] = [fields.positive(), fields.positive()];
  const bits = n.length * 8 - Math.clz32(n.readUInt8()) + 24;
  if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || e.length > RSA_EXPONENT_BYTES_MAX)
    throw new WireError(`an RSA key must have ${RSA_BITS_MIN} to ${RSA_BITS_MAX} bits, this one has ${bits}`);
  const key = keyOf({ kty: "RSA", e: e.toString("base64url"), n: n.toString("base64url") });
  return (format, signature, data) => {
    const hash = Object.hasOwn(RSA_HASHES, format) ? RSA_HASHES[format] : undefined;
    if (hash === undefined)
      throw new WireError("an RSA signature must be rsa-sha2-256 or rsa-sha2-512; SHA-1 can be forged");
    const own = signature.bytes();
    signature.end();
    return verify(hash, data, key, padded(own, n.length));
  };
}

function keyOf(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch {
    throw new WireError("its numbers make no public key");
  }
}

function padded(number: Buffer, bytes: number): Buffer {
  if (number.length > bytes) throw new WireError("a number of the signature is too large for the key");
  return Buffer.concat([Buffer.alloc(bytes - number.length), number]);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
