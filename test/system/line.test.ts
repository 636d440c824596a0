/**
 * The product as one line: a push over real HTTP reaches two real API servers and is told back, whatever stops,
 * dies or goes back in time on the way. The tests are one story and run in order.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driftAuditSchema } from "#core/drift-audit.ts";
import { startGitServer } from "../../cli/dev/git-server.ts";
import { readAll } from "../../functions/store/db.ts";
import { keys, lists } from "../../functions/store/table.ts";
import { applyApp, live, placementOf, releaseOf, rolloutOf, startLine, type Line } from "../support/line.ts";
import { BASE, configMap, deployment, kustomization, shopFiles } from "../support/shop.ts";
import { AUTHOR } from "../functions/source/git-fixture.ts";
import { until } from "../support/wait.ts";

const CLUSTERS = ["east", "west"];
let line: Line;

beforeAll(async () => {
  line = await startLine(CLUSTERS);
  await line.tree.push(shopFiles(CLUSTERS), "Start the shop");
  await applyApp(line);
}, 1_800_000);
afterAll(() => line?.stop());

async function everywhere<T>(look: (cluster: string) => Promise<T>): Promise<T[]> {
  return Promise.all(CLUSTERS.map(look));
}

const greeting = async (cluster: string, name = "settings"): Promise<string | undefined> => {
  const found = (await live(line, cluster, "configmap", name)) as { data?: { greeting: string } } | undefined;
  return found?.data?.greeting;
};

describe("a push", () => {
  it("carries new objects to both clusters, and the hub shows who brought them", async () => {
    const commit = await line.tree.push(
      { [`${BASE}/settings.yaml`]: configMap("settings", "good morning") },
      "Greet in the morning\n\nwith a body",
    );
    await rolloutOf(line, commit);
    expect(await everywhere((cluster) => greeting(cluster))).toEqual(["good morning", "good morning"]);
    expect(await releaseOf(line, commit)).toMatchObject({
      commit,
      author: AUTHOR.name,
      message: "Greet in the morning",
      targetCount: 2,
    });
    const deployments = await everywhere((cluster) => live(line, cluster, "deployment", "web"));
    for (const [index, found] of deployments.entries())
      expect(found).toMatchObject({
        metadata: { labels: { env: CLUSTERS[index] } },
        status: { readyReplicas: 2 },
      });
  });

  it("changes one object and prunes another", async () => {
    const commit = await line.tree.push(
      {
        [`${BASE}/web.yaml`]: deployment("registry.example/web:2"),
        [`${BASE}/extra.yaml`]: undefined,
        [`${BASE}/kustomization.yaml`]: kustomization("web.yaml", "service.yaml", "settings.yaml"),
      },
      "Raise web, drop extra",
    );
    await rolloutOf(line, commit);
    expect(await everywhere((cluster) => live(line, cluster, "configmap", "extra"))).toEqual([
      undefined,
      undefined,
    ]);
    for (const found of await everywhere((cluster) => live(line, cluster, "deployment", "web")))
      expect(found).toMatchObject({
        spec: { template: { spec: { containers: [{ image: "registry.example/web:2" }] } } },
      });
    expect((await placementOf(line, "east")).observed?.outcomes).toEqual({
      configured: 1,
      unchanged: 2,
      deleted: 1,
    });
  });

  it("is taken back by git revert", async () => {
    const commit = await line.tree.revert();
    await rolloutOf(line, commit);
    expect(await everywhere((cluster) => greeting(cluster, "extra"))).toEqual(["more", "more"]);
    for (const found of await everywhere((cluster) => live(line, cluster, "deployment", "web")))
      expect(found).toMatchObject({
        spec: { template: { spec: { containers: [{ image: "registry.example/web:1" }] } } },
      });
  });
});

describe("a live edit", () => {
  it("is restored, and told as drift with field, before and after", async () => {
    const patch = JSON.stringify({ data: { greeting: "edited by hand" } });
    const patched = await line.clusters["east"]?.kubectl([
      "patch",
      "configmap",
      "settings",
      "--namespace",
      "shop",
      "--type",
      "merge",
      "--patch",
      patch,
    ]);
    expect(patched?.code).toBe(0);
    await until("the edit is restored", async () => (await greeting("east")) === "good morning");
    const told = await until("the drift is told", async () => {
      const { detail } = await placementOf(line, "east");
      return detail?.drift.find(({ object }) => object.includes("settings"));
    });
    expect(told).toMatchObject({ restored: true, by: expect.stringContaining("kubectl") });
    expect(told.fields[0]).toMatchObject({
      path: "/data/greeting",
      before: expect.stringContaining("edited by hand"),
      after: expect.stringContaining("good morning"),
    });
  });

  it("is restored also when the whole object was deleted", async () => {
    await line.clusters["west"]?.kubectl(["delete", "service", "web", "--namespace", "shop"]);
    await until("the Service is back", () => live(line, "west", "service", "web"));
  });
});

describe("the hub away", () => {
  it("loses nothing: clusters heal themselves meanwhile, and a push made meanwhile arrives", async () => {
    await line.stopHub();
    await line.clusters["east"]?.kubectl(["delete", "configmap", "extra", "--namespace", "shop"]);
    await until("healed without a hub", async () => (await greeting("east", "extra")) === "more");
    const commit = await line.tree.push(
      { [`${BASE}/extra.yaml`]: configMap("extra", "pushed while the hub slept") },
      "Push into the dark",
    );
    await line.startHub();
    await rolloutOf(line, commit);
    expect(await everywhere((cluster) => greeting(cluster, "extra"))).toEqual([
      "pushed while the hub slept",
      "pushed while the hub slept",
    ]);
  });
});

describe("the agent killed", () => {
  it("by SIGKILL mid-apply converges, and leaves no orphan", async () => {
    const many = Array.from({ length: 60 }, (_, index) => `many-${String(index).padStart(2, "0")}`);
    const files = Object.fromEntries(
      many.map((name) => [`${BASE}/${name}.yaml`, configMap(name, "one of many")]),
    );
    const names = ["web.yaml", "service.yaml", "settings.yaml", "extra.yaml"];
    const list = kustomization(...names, ...many.map((name) => `${name}.yaml`));
    const commit = await line.tree.push({ ...files, [`${BASE}/kustomization.yaml`]: list }, "Add many");
    await until("the first of many", () => live(line, "east", "configmap", "many-00"));
    await line.agents["east"]?.kill("SIGKILL");
    line.restartAgent("east");
    await rolloutOf(line, commit);
    const count = async (cluster: string): Promise<number> => {
      const listed = await line.clusters[cluster]?.kubectl([
        "get",
        "configmaps",
        "--namespace",
        "shop",
        "--output",
        "name",
      ]);
      return (listed?.stdout ?? "").split("\n").filter((name) => name.includes("/many-")).length;
    };
    expect(await everywhere(count)).toEqual([60, 60]);
    const gone = Object.fromEntries(many.slice(0, 15).map((name) => [`${BASE}/${name}.yaml`, undefined]));
    const rest = kustomization(...names, ...many.slice(15).map((name) => `${name}.yaml`));
    const fewer = await line.tree.push(
      { ...gone, [`${BASE}/kustomization.yaml`]: rest },
      "Take fifteen away",
    );
    await rolloutOf(line, fewer);
    expect(await everywhere(count)).toEqual([45, 45]);
  });
});

describe("absence", () => {
  it("means nothing: an answer that lacks the App deletes nothing, and is told as orphaned", async () => {
    const db = line.db();
    const key = keys.assignment("default", "west", "shop");
    const row = await db.get(key, { consistent: true });
    await db.delete(key);
    await bump("west");
    await until(
      "told as orphaned",
      async () => (await placementOf(line, "west")).observed?.phase === "orphaned",
    );
    expect(await live(line, "west", "deployment", "web")).toBeDefined();
    await db.put({ ...key, ...row });
    await bump("west");
    await until("healthy again", async () => (await placementOf(line, "west")).observed?.phase === "healthy");
  });

  it("of newer releases in an older hub, put back from a copy, moves nothing and deletes nothing", async () => {
    await line.stopHub();
    await line.copyHub("save");
    await line.startHub();
    const commit = await line.tree.push(
      { [`${BASE}/extra.yaml`]: configMap("extra", "after the copy") },
      "Push after the copy",
    );
    await rolloutOf(line, commit);
    await line.stopHub();
    await line.git.server.stop();
    await line.copyHub("restore");
    await line.startHub();
    const told = await until("the old statement is refused", async () => {
      const { observed } = await placementOf(line, "east");
      return observed?.phase === "refused" ? observed : undefined;
    });
    expect(told.message).toContain("older-generation");
    expect(await everywhere((cluster) => greeting(cluster, "extra"))).toEqual([
      "after the copy",
      "after the copy",
    ]);
  });

  it("ends with a new epoch, certified by the recovery key: no cluster is visited, and the next push arrives", async () => {
    const git = await startGitServer({
      root: line.git.root,
      port: Number(new URL(line.git.server.url).port),
    });
    try {
      await line.stopHub();
      await line.startHub({ newEpoch: true });
      const commit = await line.tree.push(
        { [`${BASE}/extra.yaml`]: configMap("extra", "in a new epoch") },
        "Push into the new epoch",
      );
      await rolloutOf(line, commit);
      expect(await everywhere((cluster) => greeting(cluster, "extra"))).toEqual([
        "in a new epoch",
        "in a new epoch",
      ]);
      expect((await placementOf(line, "west")).observed).toMatchObject({ epoch: 2, phase: "healthy" });
    } finally {
      await git.stop();
    }
  });
});

describe("the drift audit", () => {
  it("is one document and one row for each slot, though the schedule fires ten times in one", async () => {
    const audit = await until("an audit of both clusters", async () => {
      const newest = await line.api("/v1/projects/default/drift-audits/newest", driftAuditSchema);
      return newest.clusters === 2 && newest;
    });
    expect(audit).toMatchObject({ project: "default", silent: [] });
    const rows = await readAll(line.db(), lists.driftAudits("default"));
    const documents = await readdir(join(line.folder, "hub", "objects", "drift-audits", "default"));
    expect(rows.length).toBeGreaterThan(1);
    for (const row of rows) expect(Date.parse(String(row["slot"])) % 2_000).toBe(0);
    expect(documents.length - rows.length).toBeLessThanOrEqual(1);
  });
});

/** What an assignment does after its row: the agent's next poll sees that something changed. */
async function bump(cluster: string): Promise<void> {
  await line.db().update(keys.line("default", cluster), {
    text: "ADD #desired :one",
    names: { desired: "desired" },
    values: { one: 1 },
  });
}
