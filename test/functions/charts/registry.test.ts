/** Charts from an OCI registry, pushed there by the real `helm`: found, held to their digests, and asked for as registries want. */
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { archiveKey } from "../../../functions/charts/find.ts";
import { bench, ociRegistry, PASSWORD, serve, USER, type Bench } from "./chart-fixture.ts";
import { chartParts, type ChartParts } from "./hub-fixture.ts";

let tools: Bench;
let parts: ChartParts;
let registry: Awaited<ReturnType<typeof ociRegistry>>;
const archives = new Map<string, string>();
const manifests = new Map<string, string>();
const digestIn = async (version: string) => sha256(await readFile(archives.get(version) ?? ""));

beforeAll(async () => {
  tools = await bench();
  parts = await chartParts();
  registry = await ociRegistry(tools.helm);
  for (const version of ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "2.0.0-rc.1", "1.4.1+build.7"]) {
    archives.set(version, await tools.chart("shop", version));
    manifests.set(version, await registry.push(archives.get(version) ?? ""));
  }
}, 900_000);
afterAll(async () => {
  await registry?.stop();
  await parts?.stop();
  await tools?.close();
});
afterEach(() => {
  registry.lock = "open";
  registry.pageSize = 1000;
  registry.asked();
  registry.tokens.asked();
});

const shop = (spec: object = {}) => ({
  repository: registry.repository,
  name: "shop",
  version: "1.2.0",
  ...spec,
});

/** A manifest with these layers under a tag, as any client could push it. */
async function pushManifest(name: string, tag: string, layers: object[]): Promise<void> {
  const body = canonicalJson({ schemaVersion: 2, layers });
  const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
  const url = `${registry.inside}/v2/charts/${name}/manifests/${tag}`;
  const answer = await fetch(url, { method: "PUT", headers, body });
  expect(answer.status).toBe(201);
}

async function pushBlob(name: string, content: Uint8Array): Promise<string> {
  const digest = `sha256:${sha256(content)}`;
  const url = `${registry.inside}/v2/charts/${name}/blobs/uploads/?digest=${digest}`;
  const answer = await fetch(url, { method: "POST", body: Buffer.from(content) });
  expect(answer.status).toBe(201);
  return digest;
}

const CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

describe("a chart in an OCI registry", () => {
  it("is found by its version, and kept under the digest of its archive", async () => {
    const digest = await digestIn("1.2.0");
    expect(await parts.find(shop())).toEqual({ version: "1.2.0", digest });
    expect(sha256((await parts.objects.get(archiveKey(digest))) ?? "")).toBe(digest);
  });

  it("is the newest that a range allows, whatever the number of pages; a + in a version is a _ in its tag", async () => {
    registry.pageSize = 2;
    expect(await parts.find(shop({ version: "~1.3 || ~1.2" }))).toMatchObject({ version: "1.3.0" });
    expect(registry.asked().filter(({ path }) => path.includes("/tags/list"))).toHaveLength(4);
    expect(await parts.find(shop({ version: "^1" }))).toMatchObject({ version: "1.4.1+build.7" });
    expect(await parts.find(shop({ version: "1.4.1+build.7" }))).toMatchObject({
      digest: await digestIn("1.4.1+build.7"),
    });
    expect(await parts.find(shop({ version: ">=2.0.0-0" }))).toMatchObject({ version: "2.0.0-rc.1" });
  });

  it("costs one request for the manifest while it is the same", async () => {
    const found = await parts.find(shop());
    registry.asked();
    expect(await parts.find(shop(), { before: found })).toMatchObject(found);
    expect(registry.asked().map(({ path }) => path)).toEqual(["/v2/charts/shop/manifests/1.2.0"]);
  });

  it("may be named by the digest of its archive, or of its manifest as helm push prints it", async () => {
    const archive = `sha256:${await digestIn("1.1.0")}`;
    const manifest = manifests.get("1.1.0") ?? "";
    expect(manifest).toMatch(/^sha256:/);
    for (const digest of [archive, manifest])
      expect(await parts.find(shop({ version: "1.1.0", digest }))).toMatchObject({ version: "1.1.0" });
    const other = await parts.failure(shop({ version: "1.1.0", digest: manifests.get("1.0.0") }));
    expect(other.code).toBe("digest");
    expect(other.message).toContain(archive);
    expect(other.message).toContain(manifest);
  });

  it("is refused when its tag was moved; the same archive pushed again is no move", async () => {
    const again = archives.get("1.0.0") ?? "";
    const before = await parts.find(shop({ version: "1.0.0" }));
    await registry.push(again);
    expect(await parts.find(shop({ version: "1.0.0" }), { before })).toMatchObject(before);
    await registry.push(await tools.chart("shop", "1.0.0", { "values.yaml": "color: blue\n" }));
    const failure = await parts.failure(shop({ version: "1.0.0" }), { before });
    expect(failure.code).toBe("digest");
    expect(failure.message).toContain(`was moved: its digest was sha256:${before.digest}`);
    await registry.push(again);
  });
});

describe("a failure", () => {
  it("names the versions that there are, or that the chart is not there", async () => {
    const none = await parts.failure(shop({ version: "9.9.9" }));
    expect(none.code).toBe("no-version");
    expect(none.message).toContain("it has 2.0.0-rc.1, 1.4.1+build.7, 1.4.0, 1.3.0, 1.2.0 and 2 older ones");
    const range = await parts.failure(shop({ version: "^9" }));
    expect(range.message).toContain("has no version ^9");
    for (const version of ["1.0.0", "^1"])
      expect(await parts.failure(shop({ name: "cart", version }))).toMatchObject({ code: "no-chart" });
  });

  it("is an image that is no chart, or lists more than the limit", async () => {
    const digest = await pushBlob("image", Buffer.from("layer"));
    await pushManifest("image", "1.0.0", [{ mediaType: "application/octet-stream", digest, size: 5 }]);
    const image = await parts.failure(shop({ name: "image", version: "1.0.0" }));
    expect(image).toMatchObject({ code: "invalid" });
    expect(image.message).toContain("is no chart");
    await pushManifest("image", "2.0.0", [{ mediaType: CONTENT, digest, size: 2 ** 31 }]);
    const huge = await parts.failure(shop({ name: "image", version: "2.0.0" }));
    expect(huge.code).toBe("too-large");
    expect(huge.message).toContain("the limit is 20971520");
  });

  it("is a registry that hands out another content than the digest says", async () => {
    const lying = await serve(async (request, response) => {
      const answer = await fetch(new URL(request.url ?? "", registry.inside), {
        headers: { accept: request.headers.accept ?? "" },
      });
      const body = Buffer.from(await answer.arrayBuffer());
      if ((request.url ?? "").includes("/blobs/")) body.writeUInt8(body.readUInt8(20) ^ 1, 20);
      response
        .writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" })
        .end(body);
    });
    await registry.push(await tools.chart("true", "1.0.0"));
    const chart = { repository: `oci://${lying.host}/charts`, name: "true", version: "1.0.0" };
    const failure = await parts.failure(chart);
    expect(failure.code).toBe("digest");
    expect(failure.message).toContain("came with another content than its digest");
    lying.close();
  });
});

describe("a private registry", () => {
  const basic = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;

  it("that asks for a password gets that of the credential", async () => {
    registry.lock = "basic";
    const without = await parts.failure(shop({ version: "1.3.0" }));
    expect(without.code).toBe("auth");
    expect(without.message).toContain("name a secret in spec.chart.credentials");
    await parts.credential("ada", { kind: "basic", username: USER, password: PASSWORD });
    await parts.credential("eve", { kind: "basic", username: "eve", password: "guess" });
    expect(await parts.find(shop({ credentials: "ada", version: "1.3.0" }))).toMatchObject({
      version: "1.3.0",
    });
    const wrong = await parts.failure(shop({ credentials: "eve", version: "1.3.0" }));
    expect(wrong.message).toContain("refuses the credentials");
  });

  it("that names a token server: the password goes there, and only the token to the registry", async () => {
    registry.lock = "token";
    await parts.credential("ada", { kind: "basic", username: USER, password: PASSWORD });
    expect(await parts.find(shop({ credentials: "ada", version: "^1.3 <1.4" }))).toMatchObject({
      version: "1.3.0",
    });
    const [token] = registry.tokens.asked();
    expect(token?.authorization).toBe(basic);
    expect(token?.path).toContain("service=charts&scope=repository%3Acharts%2Fshop%3Apull");
    expect(registry.asked().every(({ authorization }) => authorization !== basic)).toBe(true);
    const anonymous = await parts.failure(shop({ version: "1.3.0" }));
    expect(anonymous.code).toBe("auth");
  });

  it("does not get a password that is bound to other hosts, and neither does its token server", async () => {
    registry.lock = "token";
    await parts.credential("bound", {
      kind: "basic",
      username: USER,
      password: PASSWORD,
      hosts: ["registry.example.com"],
    });
    expect(await parts.failure(shop({ credentials: "bound" }))).toMatchObject({ code: "credentials" });
    expect([...registry.asked(), ...registry.tokens.asked()]).toEqual([]);
  });

  it("keeps its token from where a redirect leads", async () => {
    const store = await serve(async (request, response) => {
      const answer = await fetch(new URL(request.url ?? "", registry.inside));
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
    const front = await serve(async (request, response) => {
      const { url = "", headers } = request;
      if (headers.authorization !== basic) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
        return;
      }
      if (url.includes("/blobs/")) {
        response.writeHead(307, { location: store.origin + url }).end();
        return;
      }
      const answer = await fetch(new URL(url, registry.inside), {
        headers: { accept: headers.accept ?? "" },
      });
      response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
    await parts.credential("ada", { kind: "basic", username: USER, password: PASSWORD });
    const chart = { repository: `oci://${front.host}/charts`, credentials: "ada", version: "1.4.0" };
    expect(await parts.find(shop(chart))).toMatchObject({ version: "1.4.0" });
    expect(store.asked().map(({ authorization }) => authorization)).toEqual([undefined]);
    front.close();
    store.close();
  });
});
