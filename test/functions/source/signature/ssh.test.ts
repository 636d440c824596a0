/**
 * SSH signatures byte by byte. Those of security keys are made here as the device would, because there is none to touch; that
 * OpenSSH itself takes them shows that they are real.
 */
import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifySsh } from "../../../../functions/source/signature/ssh.ts";
import { field } from "../../../../functions/source/signature/wire.ts";
import { signing, type Signing } from "./signing-fixture.ts";

const PAYLOAD = Buffer.from("tree 0\n\nwhat is signed\n");
const SK_ED25519 = "sk-ssh-ed25519@openssh.com";
const SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com";
const TOUCHED = Buffer.from([0x01, 0, 0, 0, 7]);
let kit: Signing;
beforeAll(async () => {
  kit = await signing();
}, 900_000);
afterAll(() => kit?.close());

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const all = (...parts: (string | Uint8Array)[]): Buffer => Buffer.concat(parts.map((part) => field(part)));

interface Options {
  namespace?: string;
  hash?: string;
  version?: number;
  reserved?: string;
}

/** The armor round a signature that `make` gives over what is to be signed. */
function armored(blob: Buffer, make: (data: Buffer) => Buffer, options: Options = {}): string {
  const { namespace = "git", hash = "sha512", version = 1, reserved = "" } = options;
  const digest = createHash(hash === "sha256" ? "sha256" : "sha512")
    .update(PAYLOAD)
    .digest();
  const data = Buffer.concat([Buffer.from("SSHSIG"), all(namespace, reserved, hash, digest)]);
  const head = Buffer.concat([Buffer.from("SSHSIG"), Buffer.from([0, 0, 0, version])]);
  const bytes = Buffer.concat([head, all(blob, namespace, reserved, hash, make(data))]);
  const lines = bytes.toString("base64").match(/.{1,70}/g) ?? [];
  return `-----BEGIN SSH SIGNATURE-----\n${lines.join("\n")}\n-----END SSH SIGNATURE-----\n`;
}

const signer = (type: string, blob: Buffer) => ({
  name: "ops",
  ssh: `${type} ${blob.toString("base64")} ops@example.com`,
});

function jwk(key: KeyObject): Record<string, Buffer> {
  const own = key.export({ format: "jwk" }) as Record<string, string>;
  return Object.fromEntries(
    Object.entries(own).map(([name, text]) => [name, Buffer.from(text, "base64url")]),
  );
}

function skEd25519(flagsAndCounter = TOUCHED, application = "ssh:") {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const blob = all(SK_ED25519, jwk(publicKey)["x"] ?? "", application);
  const make = (data: Buffer): Buffer => {
    const signed = Buffer.concat([sha256(Buffer.from(application)), flagsAndCounter, sha256(data)]);
    return Buffer.concat([all(SK_ED25519, sign(null, signed, privateKey)), flagsAndCounter]);
  };
  return { blob, make };
}

/** A number as SSH writes it: a leading zero where the first bit is set. */
const mpint = (bytes: Buffer): Buffer => {
  const start = bytes.findIndex((byte) => byte !== 0);
  const short = bytes.subarray(start);
  return (short[0] ?? 0) > 0x7f ? Buffer.concat([Buffer.from([0]), short]) : short;
};

function skEcdsa() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x = Buffer.alloc(0), y = Buffer.alloc(0) } = jwk(publicKey);
  const blob = all(SK_ECDSA, "nistp256", Buffer.concat([Buffer.from([4]), x, y]), "ssh:");
  const make = (data: Buffer): Buffer => {
    const signed = Buffer.concat([sha256(Buffer.from("ssh:")), TOUCHED, sha256(data)]);
    const pair = sign("sha256", signed, { key: privateKey, dsaEncoding: "ieee-p1363" });
    const numbers = all(mpint(pair.subarray(0, 32)), mpint(pair.subarray(32)));
    return Buffer.concat([all(SK_ECDSA, numbers), TOUCHED]);
  };
  return { blob, make };
}

function rsa(bits: number, hash: string, format: string) {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  const { e = Buffer.alloc(0), n = Buffer.alloc(0) } = jwk(publicKey);
  const blob = all("ssh-rsa", mpint(e), mpint(n));
  return { blob, make: (data: Buffer): Buffer => all(format, sign(hash, data, privateKey)) };
}

/** What OpenSSH itself says of it. */
async function byOpenSsh(armor: string, line: string): Promise<string> {
  const [allowed, file] = [join(kit.folder, "allowed"), join(kit.folder, "signature")];
  await writeFile(allowed, `ops ${line}\n`);
  await writeFile(file, armor);
  return kit.sshKeygen(["-Y", "verify", "-f", allowed, "-I", "ops", "-n", "git", "-s", file], PAYLOAD);
}

describe("verifySsh", () => {
  it.each([
    [SK_ED25519, skEd25519()],
    [SK_ECDSA, skEcdsa()],
    ["ssh-rsa", rsa(2048, "sha256", "rsa-sha2-256")],
  ])("takes what OpenSSH takes of a key of type %s", async (type, { blob, make }) => {
    const armor = armored(blob, make);
    const own = signer(type, blob);
    expect(await byOpenSsh(armor, own.ssh)).toContain('Good "git" signature for ops');
    const key = `SHA256:${sha256(blob).toString("base64").replace(/=+$/, "")}`;
    expect(verifySsh(PAYLOAD, armor, [own])).toEqual({ kind: "signed", signer: "ops", key });
    expect(verifySsh(Buffer.from("other"), armor, [own])).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("altered"),
    });
    const withReserved = armored(blob, make, { reserved: "for later", hash: "sha256" });
    expect(verifySsh(PAYLOAD, withReserved, [own])).toMatchObject({ kind: "signed" });
  });

  const refusals: [
    what: string,
    type: string,
    key: { blob: Buffer; make: (data: Buffer) => Buffer },
    Options,
    RegExp,
  ][] = [
    [
      "a security key that was not touched",
      SK_ED25519,
      skEd25519(Buffer.from([0, 0, 0, 0, 7])),
      {},
      /was not touched/,
    ],
    [
      "RSA over SHA-1",
      "ssh-rsa",
      rsa(2048, "sha1", "ssh-rsa"),
      {},
      /rsa-sha2-256 or rsa-sha2-512; SHA-1 can be forged/,
    ],
    [
      "RSA with 1024 bits",
      "ssh-rsa",
      rsa(1024, "sha512", "rsa-sha2-512"),
      {},
      /2048 to 16384 bits, this one has 1024/,
    ],
    ["another namespace", SK_ED25519, skEd25519(), { namespace: "file" }, /namespace is not git/],
    ["another version", SK_ED25519, skEd25519(), { version: 2 }, /no SSHSIG of version 1/],
    ["another hash", SK_ED25519, skEd25519(), { hash: "sha1" }, /neither sha256 nor sha512/],
    [
      "an unknown type of key",
      "ssh-dss",
      { blob: all("ssh-dss", "x"), make: () => all("ssh-dss", "x") },
      {},
      /keys of type "ssh-dss" are not read here/,
    ],
    [
      "the name of a property as a type",
      "__proto__",
      { blob: all("__proto__"), make: () => all("__proto__") },
      {},
      /keys of type "__proto__"/,
    ],
    [
      "a signature of another format",
      SK_ED25519,
      { blob: skEd25519().blob, make: () => all("ssh-ed25519", "x") },
      {},
      /of format "ssh-ed25519"/,
    ],
  ];
  it.each(refusals)("refuses %s, and says so", (_, type, { blob, make }, options, message) => {
    const found = verifySsh(PAYLOAD, armored(blob, make, options), [signer(type, blob)]);
    expect(found).toMatchObject({ kind: "refused", reason: expect.stringMatching(message) });
  });

  it("names the signing key where it belongs to nobody", () => {
    const { blob, make } = skEd25519();
    expect(verifySsh(PAYLOAD, armored(blob, make), [])).toEqual({
      kind: "foreign",
      key: `SSH key SHA256:${sha256(blob).toString("base64").replace(/=+$/, "")}`,
    });
  });

  it("answers for any armor, also one with a length that points far away", () => {
    const { blob, make } = skEd25519();
    const own = signer(SK_ED25519, blob);
    const good = Buffer.from(
      armored(blob, make)
        .replace(/-----[^-]+-----\n/g, "")
        .replaceAll("\n", ""),
      "base64",
    );
    const wrap = (bytes: Uint8Array): string =>
      `-----BEGIN SSH SIGNATURE-----\n${Buffer.from(bytes).toString("base64")}\n-----END SSH SIGNATURE-----\n`;
    const at = fc.nat(good.length - 1);
    fc.assert(
      fc.property(
        at,
        fc.uint8Array({ minLength: 1, maxLength: 6 }),
        fc.nat(good.length),
        (start, bytes, end) => {
          const changed = Buffer.from(good);
          changed.set(bytes.slice(0, changed.length - start), start);
          fc.pre(!changed.subarray(0, end).equals(good));
          const kind = verifySsh(PAYLOAD, wrap(changed.subarray(0, end)), [own]).kind;
          expect(kind).not.toBe("signed");
        },
      ),
      { numRuns: 2000, examples: [[10, Uint8Array.of(255, 255, 255, 255), good.length]] },
    );
    for (const text of ["", "-----BEGIN SSH SIGNATURE-----", wrap(new Uint8Array(20_000))])
      expect(verifySsh(PAYLOAD, text, [own])).toMatchObject({
        kind: "refused",
        reason: expect.stringContaining("10000 characters"),
      });
  });
});
