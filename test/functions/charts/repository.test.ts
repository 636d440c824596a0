/** Charts from a Helm repository: which archive is taken, who is asked for it with what, and how each failure reads. */
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "#core/digest.ts";
import { archiveKey } from "../../../functions/charts/find.ts";
import { entryText } from "../../../functions/charts/repository.ts";
import { getChartPin } from "../../../functions/store/chart.ts";
import { bench, repository, serve, type Bench, type Repository } from "./chart-fixture.ts";
import { chartParts, type ChartParts } from "./hub-fixture.ts";

let tools: Bench;
let parts: ChartParts;
let charts: Repository;
const archives = new Map<string, string>();
const digestIn = async (version: string) => sha256(await readFile(archives.get(version) ?? ""));

beforeAll(async () => {
  tools = await bench();
  parts = await chartParts();
  charts = await repository(tools.helm, tools.folder);
  for (const version of ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "2.0.0-rc.1"])
    archives.set(version, await tools.chart("shop", version));
  await charts.add(...archives.values(), await tools.chart("cart.v2", "0.1.0"));
}, 900_000);
afterAll(async () => {
  charts?.close();
  await parts?.stop();
  await tools?.close();
});
afterEach(() => {
  charts.door = undefined;
  charts.asked();
});

const shop = (spec: object = {}) => ({ repository: charts.origin, name: "shop", version: "1.2.0", ...spec });

describe("a chart in a Helm repository", () => {
  it("is found by its version, kept under its digest, and pinned", async () => {
    const digest = await digestIn("1.2.0");
    expect(await parts.find(shop())).toEqual({ version: "1.2.0", digest });
    const kept = await parts.objects.get(archiveKey(digest));
    expect(sha256(kept ?? "")).toBe(digest);
    const pin = { project: "default", chart: `${charts.origin}/shop`, version: "1.2.0" };
    expect(await getChartPin(parts.db, pin)).toMatchObject({ digest });
  });

  it("is the newest that a range allows, and is not downloaded again while it is the same", async () => {
    const found = await parts.find(shop({ version: "^1" }));
    expect(found).toMatchObject({ version: "1.5.0", digest: await digestIn("1.5.0") });
    charts.asked();
    expect(await parts.find(shop({ version: "^1" }), { before: found })).toMatchObject(found);
    expect(charts.asked().map(({ path }) => path)).toEqual(["/index.yaml"]);
    // Another App of the project that means the same archive takes it from the store.
    expect(await parts.find(shop({ version: "~1.5" }))).toEqual(found);
    expect(charts.asked().map(({ path }) => path)).toEqual(["/index.yaml"]);
  });

  it("may have a name with a dot, and an index with any key besides", async () => {
    expect(await parts.find(shop({ name: "cart.v2", version: "*" }))).toMatchObject({ version: "0.1.0" });
  });
});

describe("a failure", () => {
  it("names the versions that there are, five at most", async () => {
    expect(await parts.failure(shop({ version: "^7" }))).toEqual({
      code: "no-version",
      message: `${charts.origin}/shop has no version ^7: it has 2.0.0-rc.1, 1.5.0, 1.4.0, 1.3.0, 1.2.0 and 2 older ones; change spec.chart.version`,
    });
  });

  it("tells that there is no such chart, no repository, and nobody", async () => {
    expect(await parts.failure(shop({ name: "sho" }))).toEqual({
      code: "no-chart",
      message: `${charts.origin} has no chart sho; check spec.chart.name`,
    });
    const none = await serve((_request, response) => void response.writeHead(404).end());
    expect(await parts.failure(shop({ repository: none.origin }))).toMatchObject({
      code: "server",
      message: expect.stringContaining("must be the address of a Helm repository") as string,
    });
    none.close();
    const gone = await parts.failure(shop({ repository: none.origin, name: "x" }));
    expect(gone).toMatchObject({ code: "unreachable" });
    expect(gone.message).toContain(new URL(none.origin).host);
  });

  it("asks a host that did not answer once, and again after a while", async () => {
    const dead = await serve((request) => void request.socket.destroy());
    const now = parts.now();
    const first = await parts.failure(shop({ repository: dead.origin }));
    expect(first).toMatchObject({ code: "unreachable" });
    expect(await parts.failure(shop({ repository: `${dead.origin}/other` }))).toEqual(first);
    const once = dead.asked().length;
    parts.setNow(now + 61_000);
    await parts.failure(shop({ repository: dead.origin }));
    expect(dead.asked()).toHaveLength(once);
    dead.close();
  });

  it("is an archive that is another than the index says, and nothing of it is kept", async () => {
    const evil = await readFile(archives.get("1.4.0") ?? "");
    charts.door = (request, response) => {
      if (request.url !== "/shop-1.3.0.tgz") return false;
      response.end(evil);
      return true;
    };
    const { code, message } = await parts.failure(shop({ version: "1.3.0" }));
    expect(code).toBe("digest");
    expect(message).toContain(`came with the digest sha256:${sha256(evil)}`);
    expect(message).toContain(`lists sha256:${await digestIn("1.3.0")}`);
    expect(await parts.objects.get(archiveKey(sha256(evil)))).toBeUndefined();
  });

  it("is an older chart behind a newer version, also where the index has its digest", async () => {
    const other = await repository(tools.helm, tools.folder);
    await other.add(archives.get("1.0.0") ?? "");
    const index = join(other.folder, "index.yaml");
    await writeFile(index, (await readFile(index, "utf8")).replace("version: 1.0.0", "version: 9.0.0"));
    const { code, message } = await parts.failure(shop({ repository: other.origin, version: "9.0.0" }));
    expect(code).toBe("invalid");
    expect(message).toContain('is that of "shop" "1.0.0", and shop 9.0.0 was asked for');
    other.close();
  });

  it("names the limit of an index that never ends", async () => {
    const endless = await serve((_request, response) => {
      const comments = Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(2 ** 20, "#");
        })(),
      );
      comments.pipe(response.once("close", () => comments.destroy()));
    });
    const { code, message } = await parts.failure(shop({ repository: endless.origin }));
    expect(code).toBe("too-large");
    expect(message).toContain("larger than the limit of 50331648 bytes");
    endless.close();
  });

  it("is an index with aliases, which could grow without end", async () => {
    const bomb = await serve((_request, response) => {
      response.end("entries:\n  shop:\n  - &a { version: 1.2.0, urls: [x] }\n  - *a\n");
    });
    expect(await parts.failure(shop({ repository: bomb.origin }))).toMatchObject({ code: "invalid" });
    bomb.close();
  });
});

describe("a digest that the App names", () => {
  it("must be that of the archive", async () => {
    const digest = await digestIn("1.1.0");
    const named = { version: "1.1.0", digest: `sha256:${digest}` };
    expect(await parts.find(shop(named))).toEqual({ version: "1.1.0", digest });
    const other = `sha256:${"0".repeat(64)}`;
    const { code, message } = await parts.failure(shop({ ...named, digest: other }));
    expect(code).toBe("digest");
    expect(message).toContain(`has the digest sha256:${digest}, the App names ${other}`);
  });
});

describe("a version that was moved", () => {
  it("is refused and told, unless the App names the new digest", async () => {
    const own = await repository(tools.helm, tools.folder);
    const [first, second] = [
      await tools.chart("moved", "1.0.0"),
      await tools.chart("moved", "1.0.0", { "values.yaml": "color: blue\n" }),
    ];
    const moved = { repository: own.origin, name: "moved", version: "1.0.0" };
    await own.add(first);
    const before = await parts.find(moved);
    await own.add(second);
    const now = sha256(await readFile(second));
    for (const known of [before, undefined]) {
      const failure = await parts.failure(moved, known === undefined ? {} : { before: known });
      expect(failure.code).toBe("digest");
      expect(failure.message).toContain(`its digest was sha256:${before.digest} and is now sha256:${now}`);
    }
    expect(await parts.find({ ...moved, digest: `sha256:${now}` })).toEqual({
      version: "1.0.0",
      digest: now,
    });
    // What one App takes on is not taken on for the others.
    expect(await parts.failure(moved)).toMatchObject({ code: "digest" });
    own.close();
  });
});

describe("what is asked for, with what", () => {
  const isAda = `Basic ${Buffer.from("ada:pw").toString("base64")}`;
  const locked: Repository["door"] = (request, response) => {
    if (request.headers.authorization === isAda) return false;
    response.writeHead(401).end();
    return true;
  };

  it("is the credential that the App names; without it, the way to give one is told", async () => {
    charts.door = locked;
    const refused = await parts.failure(shop({ version: "1.4.0" }));
    expect(refused.code).toBe("auth");
    expect(refused.message).toContain("name a secret in spec.chart.credentials");
    await parts.credential("wrong", { kind: "basic", username: "ada", password: "no" });
    const wrong = await parts.failure(shop({ version: "1.4.0", credentials: "wrong" }));
    expect(wrong.message).toContain("refuses the credentials (HTTP 401)");
    await parts.credential("right", { kind: "basic", username: "ada", password: "pw" });
    expect(await parts.find(shop({ version: "1.4.0", credentials: "right" }))).toMatchObject({
      version: "1.4.0",
    });
  });

  it("is told when it is missing, of another kind, or for another host", async () => {
    const of = (credentials: string) => parts.failure(shop({ credentials }));
    expect((await of("absent")).message).toContain("is not there");
    await parts.credential("hook", { kind: "webhook", secret: "0123456789abcdef" });
    expect((await of("hook")).message).toContain("is of kind webhook");
    await parts.credential("bound", { kind: "token", token: "t", hosts: ["charts.example.com"] });
    const bound = await of("bound");
    expect(bound).toMatchObject({ code: "credentials" });
    expect(bound.message).toContain("is for charts.example.com alone");
    expect(charts.asked()).toEqual([]);
  });

  it("goes to the repository's own address alone: not after a redirect, not to where its index points", async () => {
    const elsewhere = await serve((request, response) => {
      void readFile(archives.get(/shop-(.*)\.tgz/.exec(request.url ?? "")?.[1] ?? "") ?? "").then((content) =>
        response.end(content),
      );
    });
    const front = await serve((request, response) => {
      const index = `entries:\n  shop:\n  - { version: 1.0.0, urls: ["${elsewhere.origin}/shop-1.0.0.tgz"] }\n  - { version: 1.1.0, urls: ["shop-1.1.0.tgz"] }\n`;
      if (request.url === "/index.yaml") response.end(index);
      else response.writeHead(302, { location: `${elsewhere.origin}${request.url}` }).end();
    });
    await parts.credential("token", { kind: "token", token: "secret-of-the-front" });
    for (const version of ["1.0.0", "1.1.0"])
      await parts.find(shop({ repository: front.origin, version, credentials: "token" }));
    expect(front.asked().map(({ authorization }) => authorization)).toEqual(
      Array(3).fill("Bearer secret-of-the-front"),
    );
    expect(elsewhere.asked()).toEqual([
      { path: "/shop-1.0.0.tgz", authorization: undefined },
      { path: "/shop-1.1.0.tgz", authorization: undefined },
    ]);
    front.close();
    elsewhere.close();
  });

  it("follows five redirects, and no more", async () => {
    const round = await serve((_request, response) => void response.writeHead(307, { location: "/x" }).end());
    const { code, message } = await parts.failure(shop({ repository: round.origin }));
    expect(code).toBe("server");
    expect(message).toContain("redirects more than 5 times");
    expect(round.asked()).toHaveLength(6);
    round.close();
  });

  it("passes the guard of what leaves the hub, also behind a redirect", async () => {
    const failure = await parts.failure(shop(), { deps: parts.guarded });
    expect(failure).toMatchObject({ code: "refused" });
    expect(charts.asked()).toEqual([]);
    const front = await serve(
      (_request, response) =>
        void response.writeHead(302, { location: "http://169.254.169.254/latest" }).end(),
    );
    const led = await parts.failure(shop({ repository: front.origin }));
    expect(led).toMatchObject({ code: "refused" });
    expect(led.message).toContain("169.254.169.254");
    front.close();
  });
});

describe("entryText", () => {
  const index = `apiVersion: v1
entries:
    "other":
    - version: 1.0.0
      description: |
        shop:
          - version: 6.6.6
    shop:
    - version: 1.0.0
      description: a text
        that goes on

      urls: [a]
    # a remark
    -
      version: 1.1.0
    shop-next:
    - version: 3.0.0
generated: now
shop:
- version: 7.0.0
`;

  it("cuts out what is said of one chart and nothing else", () => {
    const text = entryText(index, "shop") ?? "";
    expect([...text.matchAll(/version: (\S+)/g)].map(([, version]) => version)).toEqual(["1.0.0", "1.1.0"]);
    expect(entryText(index, "other")).toContain("6.6.6");
    expect(entryText(index, "next")).toBeUndefined();
    expect(entryText(index, "generated")).toBeUndefined();
    expect(entryText("entries: {}\n", "shop")).toBeUndefined();
  });

  it("reads windows' line ends, and an index written as JSON", () => {
    expect(entryText(index.replaceAll("\n", "\r\n"), "shop")).toContain("1.1.0");
    const json = JSON.stringify({ entries: { shop: [{ version: "1.0.0" }] } });
    expect(entryText(json, "shop")).toBe('{"shop":[{"version":"1.0.0"}]}');
    expect(entryText(json, "toString")).toBeUndefined();
    expect(() => entryText("{ broken", "shop")).toThrow("cannot be read");
  });

  it("agrees with a whole index that helm wrote", async () => {
    const whole = await readFile(join(charts.folder, "index.yaml"), "utf8");
    const versions = [...(entryText(whole, "shop") ?? "").matchAll(/^ {4}version: (\S+)$/gm)];
    const packed = [...archives.values()].map((path) => /shop-(.*)\.tgz/.exec(basename(path))?.[1]);
    expect(new Set(versions.map(([, version]) => version))).toEqual(new Set(packed));
    expect(versions).toHaveLength(packed.length);
  });
});
