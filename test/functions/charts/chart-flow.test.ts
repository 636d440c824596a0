/**
 * From a chart in a repository to a release and back: rendered as helm renders it, rendered again without the repository,
 * released anew when a range has something newer; and what goes wrong ends as the App's error while what runs keeps running.
 */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { hubStamp } from "#core/actor.ts";
import { CHART_RANGE_MS, CHART_VERSION_MS } from "#core/chart-state.ts";
import { sha256 } from "#core/digest.ts";
import type { KubeObject } from "#core/object.ts";
import { sweepApps } from "../../../functions/release/look-apps.ts";
import { look, type Looked } from "../../../functions/release/look.ts";
import { getBundleObjects, getTargets } from "../../../functions/release/content.ts";
import { putCredential } from "../../../functions/store/credential.ts";
import { getRelease } from "../../../functions/store/rollout.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { app, cluster, hubParts, source, type HubParts } from "../../support/hub-parts.ts";
import { bench, ociRegistry, repository, type Bench, type Repository } from "./chart-fixture.ts";

let tools: Bench;
let charts: Repository;
let registry: Awaited<ReturnType<typeof ociRegistry>>;
let first: string;

beforeAll(async () => {
  tools = await bench();
  charts = await repository(tools.helm, tools.folder);
  registry = await ociRegistry(tools.helm);
  first = await tools.chart("shop", "1.0.0");
  await charts.add(first);
  await registry.push(first);
  await (await hubParts()).stop();
}, 900_000);
afterAll(async () => {
  charts?.close();
  await registry?.stop();
  await tools?.close();
});

const MINUTE = 60_000;
let parts: HubParts;
let close: (() => Promise<void>)[] = [];
beforeEach(async () => {
  parts = await hubParts();
  close = [() => parts.stop()];
  await parts.apply(source, cluster("eu-1", { color: "green" }), cluster("eu-2", { color: "blue" }));
  await parts.commit("a".repeat(40), { "apps/values.yaml": "color: yellow\n", "README.md": "x" });
  return async () => {
    for (const stop of close) await stop();
  };
});

const withChart = (chart: object = {}, spec: object = {}) => ({
  ...app(),
  spec: {
    source: "fleet",
    clusters: {},
    chart: { repository: charts.origin, name: "shop", version: "1.0.0", ...chart },
    ...spec,
  },
});
const lookAt = (): Promise<Looked> => look(parts, "default", "shop");
const record = () => getAppRecord(parts.db, "default", "shop");

async function objectsOn(release: number): Promise<Map<string, KubeObject[]>> {
  const made = await getRelease(parts.db, "default", "shop", release);
  const targets = await getTargets(parts.objects, made?.targets ?? "", 0, made?.targetCount ?? 0);
  const read = targets.map(async ({ cluster, bundle }) => {
    if (bundle === undefined) throw new Error(`${cluster} has no bundle`);
    return [cluster, await getBundleObjects(parts.objects, bundle)] as const;
  });
  return new Map(await Promise.all(read));
}

async function errorOf(looked: Promise<Looked>): Promise<string> {
  const found = await looked;
  if (found.kind !== "failed") throw new Error(`did not fail: ${JSON.stringify(found)}`);
  return found.error.message;
}

describe("an App with a chart from a repository", () => {
  it("is released with the repository's values, and says which chart it is", async () => {
    await parts.apply(
      withChart({}, { path: "apps", namespace: "web", helm: { valuesFiles: ["values.yaml"] } }),
    );
    expect(await lookAt()).toEqual({ kind: "released", release: 1 });
    const made = await getRelease(parts.db, "default", "shop", 1);
    const digest = sha256(await readFile(first));
    const chart = { repository: charts.origin, name: "shop", version: "1.0.0", digest };
    expect(made).toMatchObject({ reason: "first release", chart });
    expect(await record()).toMatchObject({ chart });
    const objects = await objectsOn(1);
    expect(objects.get("eu-1")).toEqual([
      expect.objectContaining({ kind: "ConfigMap", data: { chart: "1.0.0", color: "yellow" } }),
    ]);
  });

  it("differs by override and cluster, and renders once for each difference", async () => {
    const helm = { release: "till", values: { color: "${cluster.labels.color}" } };
    const overrides = [
      { clusters: { matchLabels: { color: "blue" } }, helm: { values: { color: "black" } } },
    ];
    await parts.apply(withChart({}, { helm, overrides }));
    await lookAt();
    const objects = await objectsOn(1);
    expect(objects.get("eu-1")?.[0]).toMatchObject({ metadata: { name: "till" }, data: { color: "green" } });
    expect(objects.get("eu-2")?.[0]).toMatchObject({ data: { color: "black" } });
  });

  it("renders what helm renders from the registry, subcharts, hooks, CRDs and an odd file included", async () => {
    const rich = await tools.chart("rich", "0.3.0", {
      "Chart.yaml":
        "apiVersion: v2\nname: rich\nversion: 0.3.0\nappVersion: '9'\ndependencies: [{ name: sub, version: 0.1.0, condition: sub.on }]\n",
      "values.yaml": "color: red\nsub: { on: true, size: 3 }\n",
      "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
      "charts/sub/templates/a.yaml":
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: sub }\ndata: { size: {{ .Values.size | quote }} }\n",
      "crds/x.yaml":
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: xs.example.com }\nspec: { group: example.com }\n",
      "files/text.txt": "hello",
      "kustomization.yaml": "resources: [values.yaml]\n",
      "templates/_help.tpl": '{{- define "name" -}}{{ .Release.Name }}-{{ .Chart.AppVersion }}{{- end -}}',
      "templates/b.yaml":
        'apiVersion: v1\nkind: Service\nmetadata: { name: {{ include "name" . }} }\nspec: { text: {{ .Files.Get "files/text.txt" | quote }} }\n',
      "templates/tests.yaml": "{{/* nothing */}}\n",
    });
    await registry.push(rich);
    await parts.apply(
      withChart(
        { repository: registry.repository, name: "rich", version: "0.3.0" },
        { helm: { values: { color: "pink" } } },
      ),
    );
    expect(await lookAt()).toEqual({ kind: "released", release: 1 });
    const text = await tools.helm(
      "template",
      "shop",
      `${registry.repository}/rich`,
      "--version=0.3.0",
      "--plain-http",
      "--include-crds",
      "--set=color=pink",
    );
    const theirs = parseAllDocuments(text)
      .map((document) => document.toJS() as KubeObject | null)
      .filter((object) => object !== null);
    const byName = (objects: readonly KubeObject[] = []) =>
      objects.toSorted((a, b) => (a.kind + a.metadata.name < b.kind + b.metadata.name ? -1 : 1));
    expect(theirs).toHaveLength(4);
    expect(byName((await objectsOn(1)).get("eu-1"))).toEqual(byName(theirs));
  });

  it("names the chart's own file and line when it cannot be rendered", async () => {
    const broken = await tools.chart("broken", "1.0.0", {
      "templates/map.yaml": "a: b\nc: {{ .Values.x.y }}\n",
    });
    await charts.add(broken);
    await parts.apply(withChart({ name: "broken" }));
    const looked = await lookAt();
    expect(looked).toMatchObject({
      kind: "failed",
      error: { file: ".charts/broken-1.0.0/templates/map.yaml", line: 2 },
    });
  });

  it("tells a values file that the repository does not have", async () => {
    await parts.apply(withChart({}, { helm: { valuesFiles: ["/apps/none.yaml"] } }));
    expect(await errorOf(lookAt())).toContain("'apps/none.yaml' does not exist in the repository");
  });
});

describe("the repository's part ends with the look", () => {
  it("a new commit and a new cluster are rendered without it", async () => {
    const own = await repository(tools.helm, tools.folder);
    await own.add(first);
    await parts.apply(
      withChart({ repository: own.origin }, { path: "apps", helm: { valuesFiles: ["values.yaml"] } }),
    );
    await lookAt();
    own.close();
    await parts.commit("b".repeat(40), { "apps/values.yaml": "color: orange\n" });
    expect(await lookAt()).toEqual({ kind: "released", release: 2 });
    expect((await objectsOn(2)).get("eu-1")?.[0]).toMatchObject({ data: { color: "orange" } });
    await parts.apply(cluster("eu-3"));
    expect(await lookAt()).toEqual({ kind: "released", release: 3 });
    expect(await getRelease(parts.db, "default", "shop", 3)).toMatchObject({ reason: "clusters changed" });
  });

  it("a quiet repository costs no write, and is not asked before it is time", async () => {
    await parts.apply(withChart({ version: "^1" }));
    await lookAt();
    charts.asked();
    const now = parts.now();
    await sweepApps(parts);
    parts.setNow(now + CHART_RANGE_MS * 0.8);
    await sweepApps(parts);
    expect(charts.asked()).toEqual([]);
    parts.setNow(now + CHART_RANGE_MS);
    parts.units();
    await sweepApps(parts);
    await sweepApps(parts);
    expect(charts.asked().map(({ path }) => path)).toEqual(["/index.yaml"]);
    expect(
      Object.keys(parts.units()).filter((operation) => operation !== "get" && operation !== "query"),
    ).toEqual([]);
  });

  it("two events at once ask one time", async () => {
    charts.asked();
    await parts.apply(withChart());
    await Promise.all([lookAt(), lookAt(), lookAt()]);
    expect(charts.asked().filter(({ path }) => path === "/index.yaml")).toHaveLength(1);
    expect((await record())?.release).toBe(1);
  });
});

describe("a range", () => {
  it("makes a new release of a newer version, and says why", async () => {
    const own = await repository(tools.helm, tools.folder);
    await own.add(first);
    await parts.apply(withChart({ repository: own.origin, version: "^1" }));
    await lookAt();
    await own.add(await tools.chart("shop", "1.1.0"), await tools.chart("shop", "2.0.0"));
    const now = parts.now();
    expect(await lookAt()).toEqual({ kind: "nothing" });
    parts.setNow(now + CHART_RANGE_MS);
    await sweepApps(parts);
    const made = await getRelease(parts.db, "default", "shop", 2);
    expect(made).toMatchObject({ reason: "chart moved", chart: { version: "1.1.0" } });
    expect((await objectsOn(2)).get("eu-1")?.[0]).toMatchObject({ data: { chart: "1.1.0" } });
    own.close();
  });

  it("stays with what it has when the repository is away, says so, and asks less and less often", async () => {
    const own = await repository(tools.helm, tools.folder);
    await own.add(first);
    await parts.apply(withChart({ repository: own.origin, version: "^1" }));
    await lookAt();
    own.door = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    const start = parts.now() + CHART_RANGE_MS;
    const asked: number[] = [];
    own.asked();
    for (let minute = 0; minute < 40; minute++) {
      parts.setNow(start + minute * MINUTE);
      await sweepApps(parts);
      if (own.asked().length > 0) asked.push(minute);
    }
    expect(asked).toEqual([0, 1, 3, 7, 15, 31]);
    expect(await record()).toMatchObject({
      release: 1,
      chart: {
        version: "1.0.0",
        failed: { code: "server", message: expect.stringContaining("503") as string },
      },
    });
    expect((await record())?.error).toBeUndefined();
    own.door = undefined;
    parts.setNow(start + 24 * 60 * MINUTE);
    await sweepApps(parts);
    expect((await record())?.chart?.failed).toBeUndefined();
    own.close();
  });
});

describe("a version that is moved", () => {
  it("is told and changes nothing that runs, until the App names the new digest", async () => {
    const own = await repository(tools.helm, tools.folder);
    await own.add(first);
    await parts.apply(withChart({ repository: own.origin }));
    await lookAt();
    const second = await tools.chart("shop", "1.0.0", { "values.yaml": "color: evil\n" });
    await own.add(second);
    parts.setNow(parts.now() + CHART_VERSION_MS);
    await sweepApps(parts);
    const told = await record();
    expect(told).toMatchObject({ release: 1, chart: { failed: { code: "digest" } } });
    await parts.commit("b".repeat(40), { "README.md": "other" });
    await lookAt();
    expect((await objectsOn(1)).get("eu-1")?.[0]).toMatchObject({ data: { color: "red" } });
    // A second App of the project does not get it either.
    const { metadata: _, ...twin } = withChart({ repository: own.origin });
    await parts.apply({ ...twin, metadata: { name: "twin" } });
    expect(await errorOf(look(parts, "default", "twin"))).toContain("was moved: its digest was sha256:");
    await parts.apply(
      withChart({ repository: own.origin, digest: `sha256:${sha256(await readFile(second))}` }),
    );
    expect(await lookAt()).toEqual({ kind: "released", release: 2 });
    expect((await objectsOn(2)).get("eu-1")?.[0]).toMatchObject({ data: { color: "evil" } });
    own.close();
  });
});

describe("an error", () => {
  it("of the first look is the App's, and is gone with the first that succeeds", async () => {
    await parts.apply(withChart({ version: "^3" }));
    const message = await errorOf(lookAt());
    expect(message).toContain("has no version ^3: it has 1.0.0");
    expect(await record()).toMatchObject({ release: 0, error: { message } });
    await parts.apply(withChart());
    expect(await lookAt()).toEqual({ kind: "released", release: 1 });
    expect((await record())?.error).toBeUndefined();
  });

  it("after a change of the App leaves the last release running", async () => {
    await parts.apply(withChart());
    await lookAt();
    await parts.apply(withChart({ name: "none" }));
    expect(await errorOf(lookAt())).toContain("has no chart none");
    expect(await record()).toMatchObject({ release: 1 });
  });

  it("is mended at once when its credential is stored anew", async () => {
    const own = await repository(tools.helm, tools.folder);
    await own.add(first);
    own.door = (request, response) => {
      if (request.headers.authorization === "Bearer good") return false;
      response.writeHead(401).end();
      return true;
    };
    await parts.apply(withChart({ repository: own.origin, credentials: "charts" }));
    expect(await errorOf(lookAt())).toContain(
      "The credential charts of Project default is not there".slice(4),
    );
    await parts.secrets.put("default", "charts", JSON.stringify({ kind: "token", token: "good" }));
    const at = parts.now() + 1;
    await putCredential(
      parts.db,
      { project: "default", name: "charts", kind: "token", stamp: hubStamp("test"), at },
      undefined,
    );
    parts.setNow(at + 1);
    expect(await lookAt()).toEqual({ kind: "released", release: 1 });
    own.close();
  });
});

describe("a Project", () => {
  const project = (spec: object) => ({ kind: "Project", metadata: { name: "default" }, spec });

  it("that does not allow the chart's address keeps it from being asked, and from being rendered again", async () => {
    await parts.apply(withChart());
    await lookAt();
    charts.asked();
    await parts.apply(project({ sources: ["https://git.example.com/**"] }));
    await parts.commit("b".repeat(40), { "README.md": "y" });
    expect(await errorOf(lookAt())).toContain("is not among spec.sources of Project default");
    parts.setNow(parts.now() + CHART_VERSION_MS);
    await sweepApps(parts);
    expect(charts.asked()).toEqual([]);
    await parts.apply(project({ sources: ["https://git.example.com/**", `${charts.origin}/shop`] }));
    expect(await lookAt()).not.toMatchObject({ kind: "failed" });
    expect((await record())?.error).toBeUndefined();
  });

  it("whose signers change asks for the signature anew, and renders nothing without it", async () => {
    await parts.apply(
      project({ signers: [] }),
      withChart({ verify: { signatures: "required", signers: ["ops"] } }),
    );
    expect(await errorOf(lookAt())).toContain("spec.chart.verify.signers of App shop names ops");
    await parts.apply(withChart());
    expect(await lookAt()).toEqual({ kind: "released", release: 1 });
    const ops = { name: "ops", gpg: "-----BEGIN PGP PUBLIC KEY BLOCK-----\nnone" };
    await parts.apply(
      project({ signers: [ops] }),
      withChart({ verify: { signatures: "required", signers: ["ops"] } }),
    );
    expect(await errorOf(lookAt())).toContain(
      "has no provenance file (.prov); the App demands a signature of ops",
    );
    expect(await record()).toMatchObject({ release: 1 });
  });
});

describe("the object store", () => {
  it("that lost an archive is told, not passed over", async () => {
    await parts.apply(withChart());
    await lookAt();
    const chart = (await record())?.chart;
    const empty = {
      ...parts.objects,
      get: async (key: string) => (key.startsWith("charts/") ? undefined : parts.objects.get(key)),
    };
    await parts.apply(withChart({}, { namespace: "elsewhere" }));
    await expect(look({ ...parts, objects: empty }, "default", "shop")).rejects.toThrow(
      `the object store has no charts/${chart?.digest}`,
    );
  });
});
