/**
 * What clusters tell of themselves, where it counts: an App is rendered again only when an answer to what it asked has
 * changed, and nothing of a release that a cluster could not take reaches any.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { STANDARD_APIS } from "#core/capabilities.ts";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { putApiDocument } from "../../../functions/release/api-documents.ts";
import { look } from "../../../functions/release/look.ts";
import { lookFor } from "../../../functions/release/look-apps.ts";
import { getServed, putServed } from "../../../functions/store/served.ts";
import { getRelease } from "../../../functions/store/rollout.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { app, cluster, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

let parts: HubParts;
let hub: HubParts;
let renders = 0;
beforeAll(async () => {
  parts = await hubParts();
  hub = {
    ...parts,
    renderer: {
      ...parts.renderer,
      render: (request) => {
        renders += 1;
        return parts.renderer.render(request);
      },
    },
  };
}, 900_000);
afterAll(() => parts?.stop());

function rendersSince(): number {
  const since = renders;
  renders = 0;
  return since;
}

let seq = 0;
/** As an agent tells it, list and all. */
async function serves(name: string, kubernetes: string, ...more: string[]): Promise<void> {
  const bytes = new TextEncoder().encode(canonicalJson([...STANDARD_APIS, ...more].toSorted()));
  const apis = sha256(bytes);
  await putApiDocument(hub.objects, "apis", apis, bytes);
  const was = await getServed(hub.db, "default", name);
  const told = { project: "default", cluster: name, kubernetes, apis, seq: (seq += 1), at: hub.now() };
  expect(await putServed(hub.db, told, was)).toBe("written");
}

const heard = (name: string) =>
  lookFor(hub, { type: "cluster.served", detail: { project: "default", cluster: name } });
const named = (name: string, path: string, spec: object = {}) => ({
  ...app({ path, ...spec }),
  metadata: { name },
});
const releaseOf = async (name: string) => (await getAppRecord(hub.db, "default", name))?.release ?? 0;
const warningsOf = async (name: string): Promise<string[]> => {
  const { warnings } = (await getAppRecord(hub.db, "default", name)) ?? {};
  return (warnings?.listed ?? []).map(({ message }) => message);
};

const asking = (api: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  answer: "{{ .Capabilities.APIVersions.Has "${api}" }}"\n`;
const chart = (path: string, template: string) => ({
  [`${path}/Chart.yaml`]: `apiVersion: v2\nname: ${path}\nversion: 0.1.0\n`,
  [`${path}/templates/a.yaml`]: template,
});
const gadget = "apiVersion: example.org/v1\nkind: Gadget\nmetadata: { name: g }\n";
const files = {
  ...chart("asks", asking("example.org/v1")),
  ...chart("asks-other", asking("other.example/v1")),
  "plain/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n",
  "uses/a.yaml": gadget,
};

describe("a definition that is installed on one cluster", () => {
  const apps = ["asks", "asks-other", "plain", "uses"];

  it("makes a release of the Apps whose charts asked for it, and of no other", async () => {
    await hub.apply(source, cluster("a"), cluster("b"), ...apps.map((name) => named(name, name)));
    await serves("a", "v1.34.1");
    await serves("b", "v1.34.1");
    await hub.commit("c1", files);
    for (const name of apps) expect(await look(hub, "default", name)).toMatchObject({ kind: "released" });
    expect(rendersSince()).toBe(4);
    expect(await warningsOf("uses")).toEqual([expect.stringContaining("is not served by clusters")]);

    await serves("b", "v1.34.1", "example.org/v1", "example.org/v1/Gadget");
    await heard("b");
    // The chart that asked, once for each answer; and what is made of that kind, whose warning changed.
    expect(rendersSince()).toBe(3);
    expect(await Promise.all(apps.map(releaseOf))).toEqual([2, 1, 1, 1]);
    expect(await getRelease(hub.db, "default", "asks", 2)).toMatchObject({
      reason: "clusters changed",
      changed: 1,
    });
    expect(await warningsOf("uses")).toEqual([expect.stringContaining("is not served by cluster a")]);
  });

  it("costs nothing once it was looked at, however often it is told", async () => {
    hub.units();
    for (let times = 0; times < 3; times++) await heard("b");
    const { put = 0, update = 0, transact = 0 } = hub.units();
    expect([rendersSince(), put, update, transact]).toEqual([0, 0, 0, 0]);
  });

  it("that nobody asked for costs no render and no write, and neither does a patch of Kubernetes", async () => {
    await serves("b", "v1.34.9", "example.org/v1", "example.org/v1/Gadget", "nobody.example/v1");
    hub.units();
    await heard("b");
    const { put = 0, update = 0, transact = 0 } = hub.units();
    expect([rendersSince(), put, update, transact]).toEqual([0, 0, 0, 0]);
  });

  it("and is taken away again brings the old answer back", async () => {
    await serves("b", "v1.34.1");
    await heard("b");
    expect(await Promise.all(apps.map(releaseOf))).toEqual([3, 1, 1, 1]);
    rendersSince();
  });

  it("is not guessed where the object store has lost the list: what runs keeps running", async () => {
    const was = await getServed(hub.db, "default", "b");
    if (was === undefined) throw new Error("b told nothing");
    await putServed(hub.db, { ...was, apis: "0".repeat(64), seq: (seq += 1) }, was);
    await expect(heard("b")).rejects.toThrow("the object store has no apis/000");
    expect(await Promise.all(apps.map(releaseOf))).toEqual([3, 1, 1, 1]);
    await serves("b", "v1.34.1");
  });
});

describe("a release", () => {
  const budget = (version: string) =>
    `apiVersion: policy/${version}\nkind: PodDisruptionBudget\nmetadata: { name: web }\n`;
  const shop = () => look(hub, "default", "shop");

  it("with an API that one of its clusters has removed is withheld, and comes when the cluster can take it", async () => {
    await hub.apply(named("shop", "shop"));
    await serves("a", "v1.24.3", "policy/v1beta1", "policy/v1beta1/PodDisruptionBudget");
    await serves("b", "v1.25.0");
    await hub.commit("c2", { "shop/a.yaml": budget("v1beta1") });
    expect(await shop()).toMatchObject({
      kind: "failed",
      error: {
        message:
          "withheld: Kubernetes: PodDisruptionBudget web: policy/v1beta1 PodDisruptionBudget is removed since Kubernetes 1.25 (use policy/v1), and so from cluster b",
      },
    });
    expect(await releaseOf("shop")).toBe(0);
    expect(await shop()).toEqual({ kind: "nothing" });
    await serves("b", "v1.24.9", "policy/v1beta1", "policy/v1beta1/PodDisruptionBudget");
    await heard("b");
    expect(await releaseOf("shop")).toBe(1);
    expect(await warningsOf("shop")).toEqual([
      expect.stringContaining("is deprecated since Kubernetes 1.21"),
    ]);
  });

  it("of a cluster that was upgraded past it keeps running, and its App says so", async () => {
    await serves("b", "v1.25.0");
    await heard("b");
    const record = await getAppRecord(hub.db, "default", "shop");
    expect(record).toMatchObject({
      release: 1,
      error: { message: expect.stringContaining("cluster b") as string },
    });
    await hub.commit("c3", { "shop/a.yaml": budget("v1") });
    expect(await shop()).toMatchObject({ kind: "released" });
  });

  it("with a readable Secret warns, and is withheld where the Project refuses it", async () => {
    const text = "apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData: { password: hunter2 }\n";
    await hub.commit("c4", { "shop/a.yaml": text });
    expect(await shop()).toMatchObject({ kind: "released" });
    const release = await getRelease(hub.db, "default", "shop", await releaseOf("shop"));
    expect(release?.warnings).toMatchObject({ total: 1, listed: [{ by: "Secrets", object: "Secret db" }] });
    await hub.apply({ kind: "Project", metadata: { name: "default" }, spec: { secrets: "refuse" } });
    expect(await shop()).toMatchObject({
      kind: "failed",
      error: { message: /^withheld: Project default: Secret db/ },
    });
    await hub.apply({ kind: "Project", metadata: { name: "default" }, spec: {} });
    expect(await shop()).toEqual({ kind: "nothing" });
    expect((await getAppRecord(hub.db, "default", "shop"))?.error).toBeUndefined();
  });
});

describe("a release that a cluster could not even read", () => {
  const shapes = {
    kinds: { "v1/ConfigMap": "x.Map" },
    types: {
      "x.Map": { fields: { apiVersion: "string", data: { map: "string" }, kind: "string", metadata: "any" } },
    },
  };
  const shaped = async (name: string): Promise<void> => {
    const bytes = new TextEncoder().encode(canonicalJson(shapes));
    await putApiDocument(hub.objects, "schemas", sha256(bytes), bytes);
    const was = await getServed(hub.db, "default", name);
    if (was?.kubernetes === undefined) throw new Error(`${name} told nothing`);
    const schemas = { kubernetes: was.kubernetes, digest: sha256(bytes) };
    await putServed(hub.db, { ...was, schemas, seq: (seq += 1) }, was);
  };
  const map = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n${data}\n`;

  it("is withheld with object, field and clusters; an unknown field is only told", async () => {
    await shaped("a");
    await hub.commit("c6", { "shop/a.yaml": map("data: { port: 80 }") });
    expect(await look(hub, "default", "shop")).toMatchObject({
      kind: "failed",
      error: {
        message:
          'withheld: Kubernetes: ConfigMap a: data["port"]: must be a text, is a whole number, as cluster a tells',
      },
    });
    await hub.commit("c7", { "shop/a.yaml": map('date: { port: "80" }') });
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "released" });
    expect(await warningsOf("shop")).toEqual([
      "date: is no field that the cluster knows, as cluster a tells",
    ]);
  });

  it("is not held against shapes of another version than the one that runs", async () => {
    await serves("a", "v1.35.0");
    await shaped("a");
    const was = await getServed(hub.db, "default", "a");
    if (was === undefined) throw new Error("a told nothing");
    await putServed(hub.db, { ...was, kubernetes: "v1.36.0", seq: (seq += 1) }, was);
    await hub.commit("c8", { "shop/a.yaml": map("data: { port: 80 }") });
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "released" });
  });
});

describe("a fleet of 1,000 clusters with 1,000 lists of APIs", () => {
  it("is rendered as often as there are distinct answers and values, and again only where an answer changes", async () => {
    const template = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  one: "{{ .Capabilities.APIVersions.Has "one.example/v1" }}"\n  two: "{{ .Capabilities.APIVersions.Has "two.example/v1" }}"\n  group: {{ .Values.group }}\n`;
    const names = Array.from({ length: 1000 }, (_, n) => `m${n}`);
    const answers = [["one.example/v1"], ["two.example/v1"], []];
    const listOf = (n: number) => [`own${n}.example/v1`, ...(answers[Math.floor(n / 40) % 3] ?? [])];
    await hub.apply(
      ...names.map((name, n) => ({
        ...cluster(name, { fleet: "many" }),
        spec: { values: { group: `g${n % 40}` } },
      })),
    );
    for (const [n, name] of names.entries()) await serves(name, `v1.${30 + (n % 5)}.0`, ...listOf(n));
    const spec = {
      clusters: { matchLabels: { fleet: "many" } },
      helm: { values: { group: "${cluster.values.group}" } },
    };
    await hub.apply(named("many", "many", spec));
    await hub.commit("c5", { ...chart("many", template), "shop/a.yaml": "" });
    rendersSince();
    expect(await look(hub, "default", "many")).toMatchObject({ kind: "released" });
    expect(rendersSince()).toBe(3 * 40);
    for (const n of [0, 1, 2]) await serves(`m${n}`, "v1.31.7", ...listOf(n), "new.example/v1");
    expect(await look(hub, "default", "many")).toEqual({ kind: "nothing" });
    expect(rendersSince()).toBe(0);
    await serves("m0", "v1.30.0", "two.example/v1");
    expect(await look(hub, "default", "many")).toMatchObject({ kind: "released" });
    expect(await getRelease(hub.db, "default", "many", 2)).toMatchObject({ targetCount: 1000, changed: 1 });
  }, 300_000);
});
