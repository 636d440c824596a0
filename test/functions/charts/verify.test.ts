/** Charts that must be signed: by Helm's provenance with real `gpg` keys, or by cosign with a key. */
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { verifyCosign } from "../../../functions/charts/cosign.ts";
import { signing, type GpgKey, type Signing } from "../source/signature/signing-fixture.ts";
import { bench, ociRegistry, repository, type Bench, type Repository } from "./chart-fixture.ts";
import { chartParts, type ChartParts } from "./hub-fixture.ts";

let tools: Bench;
let keys: Signing;
let parts: ChartParts;
let charts: Repository;
let registry: Awaited<ReturnType<typeof ociRegistry>>;
let ops: GpgKey;
let other: GpgKey;
let project: { signers: object[] };
let signed: string;
let tampered: string;

beforeAll(async () => {
  tools = await bench();
  keys = await signing();
  parts = await chartParts();
  charts = await repository(tools.helm, tools.folder);
  registry = await ociRegistry(tools.helm);
  ops = await keys.gpgKey("rsa2048");
  other = await keys.gpgKey("rsa2048");
  // gpg's keys are of this second, and a key from the future vouches for nothing.
  parts.setNow(Date.now() + 60_000);
  const ring = join(keys.folder, "ring.gpg");
  await keys.gpg(["--output", ring, "--export-secret-keys"]);
  const by = ["--sign", "--key", "signer-1@example.com", "--keyring", ring];
  signed = await tools.chart("shop", "1.0.0", {}, by);
  tampered = await tools.chart("shop", "1.1.0", {}, by);
  // The provenance of another archive of the same version.
  const twin = await tools.chart("shop", "1.1.0", { "values.yaml": "color: evil\n" });
  await writeFile(`${twin}.prov`, await readFile(`${tampered}.prov`));
  const plain = await tools.chart("shop", "2.0.0");
  await charts.add(signed, twin, plain);
  for (const archive of [signed, plain]) await registry.push(archive);
  project = {
    signers: [
      { name: "ops", gpg: await ops.armored() },
      { name: "other", gpg: await other.armored() },
      { name: "ssh", ssh: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNZ" },
    ],
  };
}, 900_000);
afterAll(async () => {
  charts?.close();
  await registry?.stop();
  await parts?.stop();
  await keys?.close();
  await tools?.close();
});

const demand = (...signers: string[]) => ({ verify: { signatures: "required", signers } });
const fromRepository = (version: string, ...signers: string[]) => ({
  repository: charts.origin,
  name: "shop",
  version,
  ...demand(...signers),
});
const fromRegistry = (version: string, ...signers: string[]) => ({
  ...fromRepository(version, ...signers),
  repository: registry.repository,
});

describe("a chart with a provenance file", () => {
  it("is taken when a demanded signer made it, from a repository and from a registry", async () => {
    for (const chart of [fromRepository("1.0.0", "ops"), fromRegistry("1.0.0", "ops", "other")]) {
      const found = await parts.find(chart, { project });
      expect(found).toMatchObject({ version: "1.0.0", signer: "ops", signedWith: ops.fingerprint });
    }
  });

  it("is refused when somebody else signed it, when it was altered, or when there is none", async () => {
    const foreign = await parts.failure(fromRepository("1.0.0", "other"), { project });
    expect(foreign.code).toBe("signature");
    expect(foreign.message).toContain("belongs to none of the demanded signers");
    const altered = await parts.failure(fromRepository("1.1.0", "ops"), { project });
    expect(altered.code).toBe("signature");
    expect(altered.message).toContain("has a provenance file of ops that names the digest sha256:");
    const none = await parts.failure(fromRepository("2.0.0", "ops"), { project });
    expect(none.message).toContain("has no provenance file (.prov); the App demands a signature of ops");
    const ssh = await parts.failure(fromRepository("1.0.0", "ssh"), { project });
    expect(ssh.message).toContain("SSH keys sign no charts");
  });

  it("is refused when its text was changed after it was signed", async () => {
    const file = join(charts.folder, "shop-1.0.0.tgz.prov");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace("name: shop", "name: shap"));
    const failure = await parts.failure(fromRepository("1.0.0", "ops"), { project });
    expect(failure.message).toContain("was altered after it was signed");
    await writeFile(file, "-----BEGIN PGP SIGNED MESSAGE-----\nnothing");
    expect((await parts.failure(fromRepository("1.0.0", "ops"), { project })).message).toContain(
      "cannot be read",
    );
    await writeFile(file, text);
  });

  it("is not asked for a signature where none is demanded", async () => {
    const { verify: _, ...chart } = fromRepository("2.0.0");
    expect(await parts.find(chart, { project })).toMatchObject({ version: "2.0.0" });
  });
});

/** As `cosign sign --key` stores it: a small text about the manifest, signed, under a tag made of its digest. */
async function cosign(manifest: string, key: ReturnType<typeof ecKey>, about = manifest): Promise<void> {
  const payload = Buffer.from(
    canonicalJson({
      critical: {
        identity: { "docker-reference": "" },
        image: { "docker-manifest-digest": about },
        type: "cosign container image signature",
      },
      optional: null,
    }),
  );
  const signature = sign("sha256", payload, key.privateKey).toString("base64");
  const digest = `sha256:${sha256(payload)}`;
  const base = `${registry.inside}/v2/charts/shop`;
  await fetch(`${base}/blobs/uploads/?digest=${digest}`, { method: "POST", body: payload });
  const layer = {
    mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
    size: payload.byteLength,
    digest,
    annotations: { "dev.cosignproject.cosign/signature": signature },
  };
  const answer = await fetch(`${base}/manifests/${manifest.replace(":", "-")}.sig`, {
    method: "PUT",
    headers: { "content-type": "application/vnd.oci.image.manifest.v1+json" },
    body: JSON.stringify({ schemaVersion: 2, layers: [layer] }),
  });
  expect(answer.status).toBe(201);
}

function ecKey() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return { privateKey, pem: publicKey.export({ format: "pem", type: "spki" }).toString() };
}

/** What cosign 2.6.5 pushed for a chart: `cosign sign --key cosign.key --tlog-upload=false`. */
const BY_COSIGN = {
  digest: "f019e69bd8ff35c290f93a00829d77a63ef5c234e0d91b1b945c26e7363a4dc2",
  payload: Buffer.from(
    '{"critical":{"identity":{"docker-reference":"localhost:38829/charts/shop"},"image":{"docker-manifest-digest":"sha256:f019e69bd8ff35c290f93a00829d77a63ef5c234e0d91b1b945c26e7363a4dc2"},"type":"cosign container image signature"},"optional":null}',
  ),
  signature:
    "MEYCIQCpMfZqR5V5uRGJiF19taBwgAkTEXJA58lJyjFQ+8mzAAIhAOrO0ijlkTpHUQxNQ5k41ZH0ihhmp76IUsx3AiG0BbhX",
  pem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAED03h12u6sl5hpg6CM1vzTOkq5dYB
8uvip7g0NeWph7EGCmWaqx/Bp4vHpcnHVKPiHBTEGtRND6XmBjDYlN1ecw==
-----END PUBLIC KEY-----
`,
};

describe("a chart that cosign signed", () => {
  it("is read as cosign itself writes it", () => {
    const { digest, pem, ...made } = BY_COSIGN;
    const signers = [{ name: "release", cosign: pem }];
    expect(verifyCosign(digest, [made], signers)).toMatchObject({ kind: "signed", signer: "release" });
    const altered = { ...made, payload: Buffer.from(made.payload.toString().replace("shop", "shap")) };
    expect(verifyCosign(digest, [altered], signers)).toMatchObject({ kind: "refused" });
    expect(verifyCosign("0".repeat(64), [made], signers)).toMatchObject({
      reason: expect.stringContaining("made for another manifest") as string,
    });
    expect(verifyCosign(digest, [{ ...made, signature: "AAAA" }], signers)).toMatchObject({
      kind: "refused",
    });
  });

  it("is taken when a demanded signer's key holds over its manifest", async () => {
    const [mine, foreign] = [ecKey(), ecKey()];
    const own = { signers: [...project.signers, { name: "release", cosign: mine.pem }] };
    const archive = await tools.chart("shop", "3.0.0");
    const manifest = await registry.push(archive);
    const wanted = fromRegistry("3.0.0", "release");
    expect((await parts.failure(wanted, { project: own })).message).toContain("has no cosign signature");
    await cosign(manifest, foreign);
    expect((await parts.failure(wanted, { project: own })).message).toContain("none is of release");
    const another = await registry.push(await tools.chart("shop", "3.1.0"));
    await cosign(manifest, mine, another);
    expect((await parts.failure(wanted, { project: own })).message).toContain("made for another manifest");
    await cosign(manifest, mine);
    const found = await parts.find(wanted, { project: own });
    const der = createPublicKey(mine.pem).export({ format: "der", type: "spki" });
    expect(found).toMatchObject({ signer: "release", signedWith: `cosign key SHA256:${sha256(der)}` });
    // Either kind is enough; both are told where neither holds.
    expect(await parts.find(fromRegistry("3.0.0", "ops", "release"), { project: own })).toMatchObject({
      signer: "release",
    });
    const neither = await parts.failure(fromRegistry("2.0.0", "ops", "release"), { project: own });
    expect(neither.message).toContain("has no provenance file (.prov), and has no cosign signature");
  });

  it("is not looked for in a Helm repository, and needs an ECDSA key", async () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    const pem = publicKey.export({ format: "pem", type: "spki" }).toString();
    const own = { signers: [{ name: "release", cosign: pem }] };
    expect((await parts.failure(fromRepository("1.0.0", "release"), { project: own })).message).toContain(
      "where cosign stores no signatures",
    );
    const manifest = await registry.push(await tools.chart("shop", "4.0.0"));
    await cosign(manifest, ecKey());
    expect((await parts.failure(fromRegistry("4.0.0", "release"), { project: own })).message).toContain(
      "the key of signer release in the Project is no ECDSA public key",
    );
  });
});
