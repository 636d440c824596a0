/**
 * A plan against the release that is made of the same tree: on a real table, object store and renderer. Nothing is
 * written by a plan, and what it says is what the clusters get.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hubStamp } from "#core/actor.ts";
import { type KubeObject } from "#core/object.ts";
import { releasePlanSchema, type ReleasePlan, type WorkingFiles } from "#core/release-plan.ts";
import { lastRead } from "#core/source.ts";
import { parseResource } from "#core/resource.ts";
import { createPlanner } from "../../../functions/plan/in-process.ts";
import { look } from "../../../functions/release/look.ts";
import { getBundleObjects, getTargets } from "../../../functions/release/content.ts";
import { deleteResource, getResource, putResource } from "../../../functions/store/resource.ts";
import { getRelease } from "../../../functions/store/rollout.ts";
import { getAppRecord, getSourceState } from "../../../functions/store/state.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

let hub: HubParts;
beforeAll(async () => {
  hub = await hubParts();
}, 900_000);
afterAll(() => hub?.stop());

const READS = new Set(["get", "query", "batch-get"]);

/** Of a working tree; it writes nothing, whatever comes of it. */
async function planFiles(files: WorkingFiles): Promise<ReleasePlan> {
  return planned({ kind: "files", files });
}
/** Of the Source's commit that was read last. */
async function planCommit(): Promise<ReleasePlan> {
  const read = lastRead(await getSourceState(hub.db, "default", "fleet"));
  if (read === undefined) throw new Error("nothing was read");
  return planned({ kind: "commit", read });
}
async function planned(
  candidate: Parameters<HubParts["planner"]["plan"]>[0]["candidate"],
): Promise<ReleasePlan> {
  hub.units();
  const reply = await hub.planner.plan({ project: "default", app: "shop", candidate });
  expect(Object.keys(hub.units()).filter((operation) => !READS.has(operation))).toEqual([]);
  if (reply.kind !== "planned") throw new Error(reply.kind);
  expect(releasePlanSchema.parse(JSON.parse(JSON.stringify(reply.plan)))).toEqual(reply.plan);
  return reply.plan;
}

let commits = 0;
const commit = (files: Record<string, string>) => hub.commit(`commit-${(commits += 1)}`, files);
async function released(): Promise<number> {
  const looked = await look(hub, "default", "shop");
  if (looked.kind !== "released") throw new Error(`not released: ${JSON.stringify(looked)}`);
  return looked.release;
}
const put = async (resource: object): Promise<void> => {
  const parsed = parseResource("document", { apiVersion: "fairlead.dev/v1", ...resource });
  if (parsed.kind === "refused") throw new Error(parsed.message);
  await putResource(hub.db, parsed.resource, hubStamp("test"));
};
const project = (spec: object = {}) => put({ kind: "Project", metadata: { name: "default" }, spec });
async function remove(kind: "Cluster" | "Policy", name: string): Promise<void> {
  const stored = await getResource(hub.db, kind, "default", name);
  if (stored !== undefined) await deleteResource(hub.db, stored, hubStamp("test"));
}

const labelled = (name: string, labels: object = {}) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${JSON.stringify(labels)}\n`;

beforeEach(async () => {
  for (const name of ["strict", "gentle"]) await remove("Policy", name);
  await project();
  await hub.apply(source, app(), cluster("a", { tier: "web" }), cluster("b", { tier: "web" }));
  await commit({ "apps/all.yaml": labelled("base") });
  await look(hub, "default", "shop");
});

describe("planRelease", () => {
  it("says of an App without a release that everything is installed", async () => {
    await hub.apply({ ...app({ path: "apps" }), metadata: { name: "fresh" } });
    const files = configMaps("one", "two");
    const reply = await hub.planner.plan({
      project: "default",
      app: "fresh",
      candidate: { kind: "files", files },
    });
    expect(reply).toMatchObject({
      kind: "planned",
      plan: {
        planned: { kind: "files", files: 1 },
        against: { release: 0 },
        verdict: { kind: "release" },
        changes: {
          clusters: { total: 2, changed: 2 },
          objects: { created: 4, changed: 0, deleted: 0, left: 0 },
          entries: [{ action: "install", clusters: { count: 2, first: ["a", "b"] }, created: { count: 2 } }],
        },
      },
    });
  });

  it("of what is released says that nothing would change, and so does the hub", async () => {
    const plan = await planFiles({ "apps/all.yaml": labelled("base") });
    expect(plan.verdict).toEqual({ kind: "nothing" });
    expect(plan.changes).toMatchObject({ clusters: { total: 2, changed: 0 }, entries: [] });
    expect(await look(hub, "default", "shop")).toEqual({ kind: "nothing" });
  });

  it("tells exactly what the release then does to each cluster", async () => {
    const before = await heldBy();
    await commit({ "apps/all.yaml": `${labelled("base", { a: "1" })}---\n${labelled("new")}` });
    const plan = await planCommit();
    expect(plan).toMatchObject({
      planned: { kind: "commit", commit: `commit-${commits}`, author: "Ada" },
      verdict: { kind: "release" },
    });
    await released();
    expect(changedBetween(before, await heldBy())).toEqual(told(plan));
    expect(await planCommit()).toMatchObject({ verdict: { kind: "nothing" } });
  });

  it("tells clusters that come and go, and objects that move with the App's namespace", async () => {
    await hub.apply(cluster("c", { tier: "web" }), app({ clusters: { matchLabels: { tier: "web" } } }));
    await hub.apply(cluster("b", { tier: "lab" }));
    const plan = await planFiles({ "apps/all.yaml": labelled("base") });
    expect(plan.changes?.entries.map(({ action, clusters }) => [action, clusters.first])).toEqual([
      ["remove", ["b"]],
      ["install", ["c"]],
    ]);
    await hub.apply(cluster("b", { tier: "web" }), app({ namespace: "shop" }));
    await remove("Cluster", "c");
    const moved = await planFiles({ "apps/all.yaml": labelled("base") });
    expect(moved.changes?.entries).toMatchObject([
      {
        action: "update",
        clusters: { count: 2 },
        created: { listed: [{ namespace: "shop", name: "base" }] },
        deleted: { listed: [{ namespace: "default", name: "base" }] },
      },
    ]);
  });

  it("tells changed sync options, and what is left behind where nothing is pruned", async () => {
    await hub.apply(app({ sync: { prune: false } }));
    const same = await planFiles({ "apps/all.yaml": labelled("base") });
    expect(same.changes?.entries).toMatchObject([{ action: "options", unchanged: 1 }]);
    const other = await planFiles({ "apps/all.yaml": labelled("other") });
    expect(other.changes).toMatchObject({
      objects: { created: 2, deleted: 0, left: 2 },
      entries: [{ deleted: { count: 0 }, left: { count: 1 } }],
    });
  });

  it("says what the budget, the Project or a Policy would withhold, and still what would change", async () => {
    await hub.apply(app({ rollout: { budget: { deletes: 0 } } }));
    const over = await planFiles({ "apps/all.yaml": labelled("other") });
    expect(over.verdict).toMatchObject({
      kind: "withheld",
      error: {
        message: expect.stringContaining("withheld: it would delete 1 objects on each of 2 clusters"),
      },
    });
    expect(over.changes).toMatchObject({ deletes: { most: 1, budget: 0, over: 2 }, objects: { created: 2 } });

    await hub.apply(app());
    await project({ kinds: { deny: [{ kind: "ConfigMap" }] } });
    const denied = await planFiles({ "apps/all.yaml": labelled("base", { a: "1" }) });
    expect(denied.verdict).toMatchObject({ kind: "withheld", error: { findings: { total: 1 } } });
    expect(denied.changes).toMatchObject({ objects: { changed: 2 } });

    await project();
    const rule = (mode: string) => ({ mode, validations: [{ expression: "false", message: "never" }] });
    await put({ kind: "Policy", metadata: { name: "strict" }, spec: rule("enforce") });
    const refused = await planFiles({ "apps/all.yaml": labelled("base", { a: "1" }) });
    expect(refused.verdict).toMatchObject({
      kind: "withheld",
      error: { message: expect.stringContaining("Policy strict: ConfigMap default/base: never") },
    });
    await remove("Policy", "strict");
    await put({ kind: "Policy", metadata: { name: "gentle" }, spec: rule("warn") });
    const warned = await planFiles({ "apps/all.yaml": labelled("base", { a: "1" }) });
    expect(warned).toMatchObject({ verdict: { kind: "release" }, warnings: { total: 1 } });
  });

  it("says what cannot be rendered, with its place, and keeps nothing of it", async () => {
    const record = await getAppRecord(hub.db, "default", "shop");
    const plan = await planFiles({ "apps/all.yaml": "kind: [" });
    expect(plan.verdict).toMatchObject({ kind: "withheld", error: { file: "apps/all.yaml" } });
    expect(plan.changes).toBeUndefined();
    expect(await getAppRecord(hub.db, "default", "shop")).toEqual(record);
  });

  it("asks a commit for the signatures that its Source demands, a working tree for none yet", async () => {
    await project({ signers: [{ name: "ops", ssh: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== ops" }] });
    const { spec } = source;
    await hub.apply({ ...source, spec: { ...spec, verify: { signatures: "required", signers: ["ops"] } } });
    expect((await planCommit()).verdict).toMatchObject({
      kind: "withheld",
      error: { message: expect.stringContaining("demands a signature") },
    });
    expect((await planFiles({ "apps/all.yaml": labelled("base") })).verdict).toEqual({ kind: "nothing" });
    await hub.apply(source);
  });

  it("holds no plain text of a Secret, whatever becomes of it", async () => {
    const secret = (name: string, password: string) =>
      `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name} }\nstringData: { password: ${password} }\n`;
    const plain = ["correct-horse", "battery-staple", "third-word"];
    await commit({
      "apps/all.yaml": `${secret("kept", "correct-horse")}---\n${secret("gone", "third-word")}`,
    });
    await released();
    await commit({
      "apps/all.yaml": `${secret("kept", "battery-staple")}---\n${secret("new", "third-word")}`,
    });
    const plan = await planCommit();
    expect(plan.changes?.entries).toMatchObject([
      { created: { count: 1 }, changed: { count: 1 }, deleted: { count: 1 } },
    ]);
    const text = JSON.stringify(plan);
    expect(text).toContain("(hidden)");
    for (const word of plain)
      for (const form of [word, Buffer.from(word).toString("base64")]) expect(text).not.toContain(form);
  });

  it("shows 412 identical clusters as one entry, and renders once for them", async () => {
    const names = Array.from({ length: 412 }, (_, n) => `sim-${String(n).padStart(3, "0")}`);
    await hub.apply(...names.map((name) => cluster(name, { tier: "sim" })));
    const wide = app({ clusters: { matchLabels: { tier: "sim" } } });
    await hub.apply({ ...wide, metadata: { name: "wide" } });
    await commit({ "apps/all.yaml": labelled("base") });
    expect(await look(hub, "default", "wide")).toMatchObject({ kind: "released" });
    let renders = 0;
    const renderer: Pick<HubParts["renderer"], "render" | "rego"> = {
      rego: (request) => hub.renderer.rego(request),
      render: (request) => {
        renders += 1;
        return hub.renderer.render(request);
      },
    };
    const files = { "apps/all.yaml": labelled("base", { a: "1" }) };
    const call = { project: "default", app: "wide", candidate: { kind: "files", files } } as const;
    const reply = await createPlanner({ ...hub, renderer }).plan(call);
    expect(reply).toMatchObject({
      plan: {
        changes: {
          clusters: { total: 412, changed: 412 },
          entries: [
            {
              clusters: { count: 412 },
              changed: {
                listed: [{ object: { name: "base" }, fields: [{ path: "/data/a", after: '"1"' }] }],
              },
            },
          ],
        },
      },
    });
    expect(renders).toBe(1);
    for (const name of names) await remove("Cluster", name);
  }, 120_000);
});

describe("createPlanner", () => {
  it("makes two plans at a time and tells a third to wait", async () => {
    const candidate = { kind: "files", files: { "apps/all.yaml": labelled("base") } } as const;
    const call = { project: "default", app: "shop", candidate };
    const replies = await Promise.all([1, 2, 3].map(() => hub.planner.plan(call)));
    expect(replies.map(({ kind }) => kind)).toEqual(["planned", "planned", "busy"]);
    expect((await hub.planner.plan(call)).kind).toBe("planned");
  });

  it("says that an App is gone", async () => {
    const candidate = { kind: "files", files: {} } as const;
    expect(await hub.planner.plan({ project: "default", app: "none", candidate })).toEqual({ kind: "gone" });
  });
});

type Held = Map<string, Map<string, string>>;

/** Objects of each cluster by the newest release, as text by identity. */
async function heldBy(): Promise<Held> {
  const { release = 0 } = (await getAppRecord(hub.db, "default", "shop")) ?? {};
  const made = await getRelease(hub.db, "default", "shop", release);
  const targets = await getTargets(hub.objects, made?.targets ?? "", 0, made?.targetCount ?? 0);
  const held: Held = new Map();
  for (const { cluster, bundle } of targets) {
    const objects: KubeObject[] = bundle === undefined ? [] : await getBundleObjects(hub.objects, bundle);
    held.set(
      cluster,
      new Map(objects.map((one) => [`${one.kind} ${one.metadata.name}`, JSON.stringify(one)])),
    );
  }
  return held;
}

function changedBetween(before: Held, after: Held): string[] {
  return [...after]
    .flatMap(([cluster, objects]) => {
      const was = before.get(cluster) ?? new Map<string, string>();
      const keys = [...new Set([...was.keys(), ...objects.keys()])];
      return keys
        .filter((key) => was.get(key) !== objects.get(key))
        .map(
          (key) =>
            `${cluster} ${was.has(key) ? (objects.has(key) ? "changed" : "deleted") : "created"} ${key}`,
        );
    })
    .sort();
}

function told({ changes }: ReleasePlan): string[] {
  const words = (what: string, refs: { kind: string; name: string }[]) =>
    refs.map(({ kind, name }) => `${what} ${kind} ${name}`);
  return (changes?.entries ?? [])
    .flatMap(({ clusters, created, changed, deleted }) =>
      clusters.first.flatMap((name) =>
        [
          ...words("created", created.listed),
          ...words(
            "changed",
            changed.listed.map(({ object }) => object),
          ),
          ...words("deleted", deleted.listed),
        ].map((line) => `${name} ${line}`),
      ),
    )
    .sort();
}
