/** Signatures that Git, gpg and ssh-keygen really make: what is taken, and what is refused with which sentence. */
import { appendFile, chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Signer } from "#core/project.ts";
import { partsOf, type RawObject } from "../../../../functions/source/signature/payload.ts";
import { verifyRef, verifySignature } from "../../../../functions/source/signature/verify.ts";
import { rawObject, signing, type GpgKey, type Signing, type SshKey } from "./signing-fixture.ts";

let kit: Signing;
let repository: string;
let now: number;
let ed25519: SshKey;
let gpgKey: GpgKey;
let unsigned: RawObject;
let sshCommit: RawObject;
let gpgCommit: RawObject;

const ssh = (key: SshKey, name = "ops"): Signer => ({ name, ssh: key.line });
const gpg = async (key: GpgKey, name = "ops"): Promise<Signer> => ({ name, gpg: await key.armored() });

beforeAll(async () => {
  kit = await signing();
  repository = await kit.repository();
  now = Date.now();
  ed25519 = await kit.sshKey("ed25519");
  gpgKey = await kit.gpgKey("rsa2048", { expire: "1y" });
  unsigned = await commit(undefined);
  sshCommit = await commit(ed25519);
  gpgCommit = await commit(gpgKey);
}, 900_000);
afterAll(() => kit?.close());

async function commit(key: GpgKey | SshKey | undefined, ...more: string[]): Promise<RawObject> {
  await appendFile(join(repository, "README.md"), "more\n");
  const sign = key === undefined ? "--no-gpg-sign" : "--gpg-sign";
  await kit.git(
    repository,
    key,
    ...more,
    "commit",
    "-q",
    "-a",
    sign,
    "-m",
    "Größere Änderung\n\nWith a body.\n",
  );
  return rawObject(repository, "commit", "HEAD");
}

async function tag(key: GpgKey | SshKey | undefined, name: string): Promise<RawObject> {
  await kit.git(repository, key, "tag", key === undefined ? "-a" : "-s", "-m", "A release\n\nNotes.", name);
  return rawObject(repository, "tag", `refs/tags/${name}`);
}

/** One letter of the message, which every signature covers. */
function tampered(object: RawObject): RawObject {
  const raw = Buffer.from(
    Buffer.from(object.raw).toString("latin1").replace("body", "bodi").replace("Notes", "notes"),
    "latin1",
  );
  expect(raw.equals(Buffer.from(object.raw))).toBe(false);
  return { ...object, raw };
}

/** A new signing subkey; returns its fingerprint. */
async function subkeyOf(key: GpgKey): Promise<string> {
  await kit.gpg(["--quick-add-key", key.fingerprint, "rsa2048", "sign"]);
  const listed = await kit.gpg(["--with-colons", "--list-keys", key.fingerprint]);
  return /^sub:[^]*?^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? "";
}

/** A commit that gpg signed under these options. */
async function commitBy(options: string): Promise<RawObject> {
  const program = join(kit.folder, `gpg-${options.replaceAll(/\W/g, "")}`);
  await writeFile(program, `#!/bin/sh\nexec gpg ${options} "$@"\n`);
  await chmod(program, 0o755);
  await appendFile(join(repository, "README.md"), "more\n");
  const as = ["-c", `gpg.program=${program}`, "-c", `user.signingkey=${gpgKey.fingerprint}`];
  await kit.git(repository, undefined, ...as, "commit", "-qaS", "-m", "By hand");
  now = Date.now();
  return rawObject(repository, "commit", "HEAD");
}

async function reasonOf(object: RawObject, ...signers: Signer[]): Promise<string> {
  const found = await verifySignature(object, signers, now);
  if (found.kind !== "refused") throw new Error(`taken: ${JSON.stringify(found)}`);
  return found.message;
}

describe("an SSH signature", () => {
  it.each([
    ["ed25519", undefined],
    ["rsa", 3072],
    ["ecdsa", 256],
    ["ecdsa", 384],
    ["ecdsa", 521],
  ])(
    "of a commit and of a tag by a key of type %s %s is taken, with the fingerprint that ssh-keygen tells",
    async (type, bits) => {
      const key = await kit.sshKey(type, bits);
      const [, fingerprint] = (await kit.sshKeygen(["-l", "-f", key.file])).split(" ");
      const taken = { kind: "signed", signer: "ops", key: fingerprint };
      expect(await verifySignature(await commit(key), [ssh(key)], now)).toEqual(taken);
      expect(
        await verifySignature(await tag(key, `${type}-${bits}`), [ssh(ed25519, "other"), ssh(key)], now),
      ).toEqual(taken);
    },
  );

  it("over content that was changed later is refused as altered", async () => {
    expect(await reasonOf(tampered(sshCommit), ssh(ed25519))).toMatch(
      /^Commit [0-9a-f]{7} carries a signature of ops \(SSH key SHA256:\S+\) that does not fit its content: it was altered after it was signed$/,
    );
    expect(await reasonOf(tampered(await tag(ed25519, "altered")), ssh(ed25519))).toMatch(/^Tag .*altered/);
  });

  it("by another key is refused with that key's fingerprint", async () => {
    const other = await kit.sshKey("ed25519");
    const [, fingerprint] = (await kit.sshKeygen(["-l", "-f", ed25519.file])).split(" ");
    expect(await reasonOf(sshCommit, ssh(other, "ops"), await gpg(gpgKey, "release"))).toContain(
      `is signed with SSH key ${fingerprint}, which belongs to none of the demanded signers (ops, release)`,
    );
  });

  it("that was made for something else than Git is refused", async () => {
    const parts = partsOf(sshCommit);
    if (parts.kind !== "signed") throw new Error("not signed");
    for (const [argv, message] of [
      [["-n", "file"], /namespace is not git/],
      [["-n", "git", "-O", "hashalg=sha256"], undefined],
    ] as const) {
      const armor = await kit.sshKeygen(["-Y", "sign", "-f", ed25519.file, ...argv], parts.payload);
      const resigned = Buffer.from(sshCommit.raw)
        .toString("latin1")
        .replace(
          /gpgsig .*?-----END SSH SIGNATURE-----\n/s,
          `gpgsig ${armor.trimEnd().replaceAll("\n", "\n ")}\n`,
        );
      const object = { ...sshCommit, raw: Buffer.from(resigned, "latin1") };
      if (message === undefined)
        expect(await verifySignature(object, [ssh(ed25519)], now)).toMatchObject({ kind: "signed" });
      else expect(await reasonOf(object, ssh(ed25519))).toMatch(message);
    }
  });
});

describe("an OpenPGP signature", () => {
  it.each(["rsa2048", "rsa4096", "ed25519", "nistp256", "nistp521"])(
    "of a commit and of a tag by a key of type %s is taken, with the key's fingerprint",
    async (algorithm) => {
      const key = await kit.gpgKey(algorithm);
      const taken = { kind: "signed", signer: "ops", key: key.fingerprint };
      now = Date.now();
      expect(await verifySignature(await commit(key), [await gpg(key)], now)).toEqual(taken);
      expect(
        await verifySignature(
          await tag(key, `gpg-${algorithm}`),
          [await gpg(gpgKey, "x"), await gpg(key)],
          now,
        ),
      ).toEqual(taken);
    },
    60_000,
  );

  it("by a signing subkey is taken under the signer's name, with the subkey's fingerprint", async () => {
    const key = await kit.gpgKey("ed25519");
    const fingerprint = await subkeyOf(key);
    now = Date.now();
    const found = await verifySignature(await commit({ ...key, fingerprint }), [await gpg(key)], now);
    expect(found).toEqual({ kind: "signed", signer: "ops", key: fingerprint });
  });

  it("over content that was changed later is refused as altered", async () => {
    const message = await reasonOf(tampered(gpgCommit), await gpg(gpgKey));
    expect(message).toContain(`a signature of ops (OpenPGP key ${gpgKey.fingerprint}) that does not fit`);
    expect(await reasonOf(tampered(await tag(gpgKey, "altered-2")), await gpg(gpgKey))).toMatch(
      /^Tag .*altered/,
    );
  });

  it("by another key is refused with that key's fingerprint", async () => {
    const other = await kit.gpgKey("ed25519");
    expect(await reasonOf(gpgCommit, await gpg(other, "ops"))).toContain(
      `is signed with OpenPGP key ${gpgKey.fingerprint}, which belongs to none of the demanded signers (ops)`,
    );
  });

  it("by a key that has expired since is refused, until the renewed key stands in the Project", async () => {
    const later = now + 2 * 365 * 86_400_000;
    const found = await verifySignature(gpgCommit, [await gpg(gpgKey)], later);
    expect(found).toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/ops with OpenPGP key \w+, which has expired; renew/),
    });
    await kit.gpg(["--quick-set-expire", gpgKey.fingerprint, "3y"]);
    for (const renewed of [
      await gpgKey.armored(),
      await gpgKey.armored("--export-options", "export-minimal"),
    ])
      expect(await verifySignature(gpgCommit, [{ name: "ops", gpg: renewed }], later)).toMatchObject({
        kind: "signed",
      });
  });

  it("by a key that was expired when it signed is refused, also by a clock that says otherwise", async () => {
    const key = await kit.gpgKey("ed25519", { expire: "2d", at: "20200101T000000" });
    const old = await kit.gpg(["--faked-system-time", "20200102T000000", "--list-keys", key.fingerprint]);
    expect(old).toContain("expires: 2020-01-03");
    await appendFile(join(repository, "README.md"), "more\n");
    // Git cannot be told to sign with an expired key, so gpg's clock is.
    const wrapper = join(kit.folder, "gpg-2020");
    await writeFile(wrapper, `#!/bin/sh\nexec gpg --faked-system-time 20200102T000000 "$@"\n`);
    await chmod(wrapper, 0o755);
    await kit.git(
      repository,
      undefined,
      "-c",
      `gpg.program=${wrapper}`,
      "-c",
      `user.signingkey=${key.fingerprint}`,
      "commit",
      "-qaS",
      "-m",
      "Old\n\nWith a body.",
    );
    const object = await rawObject(repository, "commit", "HEAD");
    expect(await reasonOf(object, await gpg(key))).toMatch(/has expired/);
    expect(await verifySignature(object, [await gpg(key)], Date.UTC(2020, 0, 2, 12))).toMatchObject({
      kind: "signed",
    });
    expect(await verifySignature(object, [await gpg(key)], Date.UTC(2019, 11, 31))).toMatchObject({
      kind: "refused",
    });
  });

  it("by a revoked key, or a revoked subkey, is refused", async () => {
    const key = await kit.gpgKey("ed25519");
    now = Date.now();
    const object = await commit(key);
    expect(await verifySignature(object, [await gpg(key)], now)).toMatchObject({ kind: "signed" });
    const certificate = await readFile(
      join(kit.folder, "gpg/openpgp-revocs.d", `${key.fingerprint}.rev`),
      "utf8",
    );
    await kit.gpg(["--import"], certificate.replace(/^:-----BEGIN/m, "-----BEGIN"));
    expect(await reasonOf(object, await gpg(key))).toMatch(/which is revoked; sign with a key that holds/);

    const whole = await kit.gpgKey("ed25519");
    const fingerprint = await subkeyOf(whole);
    now = Date.now();
    const bySubkey = await commit({ ...whole, fingerprint });
    expect(await verifySignature(bySubkey, [await gpg(whole)], now)).toMatchObject({ kind: "signed" });
    const steps = ["key 1", "revkey", "y", "0", "", "y", "save", ""];
    await kit.gpg(["--command-fd", "0", "--edit-key", whole.fingerprint], steps.join("\n"));
    expect(await reasonOf(bySubkey, await gpg(whole))).toMatch(/which is revoked/);
  });

  it("is taken where the renewed key stands beside the old one, and beside a block that is none", async () => {
    const key = await kit.gpgKey("ed25519", { expire: "1d" });
    const old = await gpg(key, "old");
    now = Date.now();
    const object = await commit(key);
    await kit.gpg(["--quick-set-expire", key.fingerprint, "1y"]);
    const later = now + 30 * 86_400_000;
    const broken = {
      name: "broken",
      gpg: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----",
    };
    expect(await verifySignature(object, [old], later)).toMatchObject({ kind: "refused" });
    expect(await verifySignature(object, [broken, old, await gpg(key)], later)).toMatchObject({
      kind: "signed",
      signer: "ops",
    });
    expect(await reasonOf(gpgCommit, broken)).toMatch(
      /cannot be checked: the key of signer broken in the Project is no OpenPGP public key/,
    );
  });

  it("by a key on a curve that is not read here is refused, naming the curve", async () => {
    const key = await kit.gpgKey("brainpoolP256r1");
    now = Date.now();
    expect(await reasonOf(await commit(key), await gpg(key))).toMatch(
      /is on the curve brainpoolP256r1, which is not read here/,
    );
  });

  it.each([
    ["over SHA-1", "--digest-algo SHA1 --allow-weak-digest-algos", /over a hash that can be forged/],
    ["of text, not of bytes", "--textmode", /of another type than that of a file/],
  ])("%s is refused", async (_, options, message) => {
    expect(await reasonOf(await commitBy(options), await gpg(gpgKey))).toMatch(message);
  });

  it("of two keys at once is refused: which one counts would be a guess", async () => {
    const other = await kit.gpgKey("ed25519");
    const object = await commitBy(`--local-user ${other.fingerprint}`);
    expect(await reasonOf(object, await gpg(gpgKey))).toMatch(/carries 2 OpenPGP signatures, not one/);
  });
});

describe("verifySignature", () => {
  it("refuses what is not signed, and names who should have", async () => {
    expect(await reasonOf(unsigned, ssh(ed25519, "ops"), await gpg(gpgKey, "release"))).toMatch(
      /^Commit [0-9a-f]{7} is not signed; the Source demands a signature of ops, release$/,
    );
    expect(await reasonOf(await tag(undefined, "plain"), ssh(ed25519))).toMatch(/^Tag .* is not signed/);
  });

  it("refuses two signatures in one commit: which one counts would be a guess", async () => {
    const text = Buffer.from(sshCommit.raw).toString("latin1");
    const header = /gpgsig .*?-----END SSH SIGNATURE-----\n/s.exec(text)?.[0] ?? "";
    const raw = Buffer.from(text.replace(header, header + header), "latin1");
    expect(await reasonOf({ ...sshCommit, raw }, ssh(ed25519))).toMatch(/more than one signature/);
  });

  it("takes the payload as Git does, beside the signature of the other hash and a merged tag", async () => {
    const key = ed25519;
    const signed = await tag(key, "to-merge");
    await kit.git(repository, key, "checkout", "-q", "-b", "side", "HEAD~1");
    await appendFile(join(repository, "side.txt"), "side\n");
    await kit.git(repository, key, "add", ".");
    await kit.git(repository, key, "commit", "-q", "-S", "-m", "Side\n\nWith a body.");
    await kit.git(repository, key, "merge", "-q", "--no-ff", "-S", "-m", "Merge\n\nWith a body.", "to-merge");
    const merge = await rawObject(repository, "commit", "HEAD");
    expect(Buffer.from(merge.raw).toString("latin1")).toContain(`mergetag object`);
    expect(signed.kind).toBe("tag");
    expect(await verifySignature(merge, [ssh(key)], now)).toMatchObject({ kind: "signed" });
    const raw = Buffer.from(
      Buffer.from(merge.raw).toString("latin1").replace("\ngpgsig ", "\ngpgsig-sha256 other\n more\ngpgsig "),
      "latin1",
    );
    expect(await verifySignature({ ...merge, raw }, [ssh(key)], now)).toMatchObject({ kind: "signed" });
    await kit.git(repository, key, "checkout", "-q", "main");
  });

  it("answers for any bytes, and takes none of them", async () => {
    const signers = [ssh(ed25519), await gpg(gpgKey, "release")];
    const texts = [sshCommit, gpgCommit, await tag(ed25519, "garbage")].map(({ raw }) => Buffer.from(raw));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...texts),
        fc.constantFrom<RawObject["kind"]>("commit", "tag"),
        fc.array(fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })), {
          minLength: 1,
          maxLength: 5,
        }),
        async (text, kind, changes) => {
          const raw = Buffer.from(text);
          for (const [at, bytes] of changes)
            raw.set(bytes.slice(0, raw.length - (at % raw.length)), at % raw.length);
          const found = await verifySignature({ kind, oid: "0".repeat(40), raw }, signers, now);
          const parts = partsOf({ kind, oid: "", raw });
          const before = texts.map((one) => partsOf({ kind, oid: "", raw: one }));
          const isSame = before.some(
            (one) => one.kind === "signed" && parts.kind === "signed" && one.payload.equals(parts.payload),
          );
          expect(found.kind === "refused" || isSame).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (raw) => {
        for (const kind of ["commit", "tag"] as const)
          expect(await verifySignature({ kind, oid: "0".repeat(40), raw }, signers, now)).toMatchObject({
            kind: "refused",
          });
      }),
    );
  }, 120_000);
});

describe("verifyRef", () => {
  it("takes a tag that is signed, a signed commit behind a tag that is not, and tells both faults", async () => {
    const other = await kit.sshKey("ed25519");
    const [signed, plain, foreign] = [
      await tag(ed25519, "v1"),
      await tag(undefined, "v2"),
      await tag(other, "v3"),
    ];
    const ref = (commitObject: RawObject, object: RawObject, name: string) =>
      verifyRef({ commit: commitObject, tag: { object, name } }, [ssh(ed25519)], now);
    expect(await ref(unsigned, signed, "v1")).toMatchObject({ kind: "signed" });
    expect(await ref(sshCommit, plain, "v2")).toMatchObject({ kind: "signed" });
    expect(await ref(sshCommit, foreign, "v3")).toMatchObject({ kind: "signed" });
    expect(await ref(unsigned, foreign, "v3")).toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/^Tag .* belongs to none .*\. Commit .* is not signed/),
    });
  });

  it("refuses a signed tag behind another name: an old release cannot come again as a new one", async () => {
    const old = await tag(ed25519, "v0.1");
    const found = await verifyRef(
      { commit: unsigned, tag: { object: old, name: "v9" } },
      [ssh(ed25519)],
      now,
    );
    expect(found).toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/was made for the name "v0\.1" and stands at v9/),
    });
  });
});
