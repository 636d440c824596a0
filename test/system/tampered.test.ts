/**
 * Whoever can write bundle bytes or assignment rows cannot make an agent do anything that the hub did not sign for
 * this cluster, this App, and now. Each try is refused, told, and leaves the cluster as it was.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Statement } from "#core/statement.ts";
import { keys } from "../../functions/store/table.ts";
import { applyApp, live, placementOf, rolloutOf, startLine, type Line } from "../support/line.ts";
import { BASE, configMap, shopFiles } from "../support/shop.ts";
import { until } from "../support/wait.ts";

const CLUSTERS = ["east", "west"];
let line: Line;
let older: string;

beforeAll(async () => {
  line = await startLine(CLUSTERS);
  const first = await line.tree.push(shopFiles(CLUSTERS), "Start the shop");
  await applyApp(line);
  await rolloutOf(line, first);
  older = await statementOf("east");
  await rolloutOf(
    line,
    await line.tree.push({ [`${BASE}/settings.yaml`]: configMap("settings", "second") }, "Second"),
  );
}, 1_800_000);
afterAll(() => line?.stop());

const rowKey = (cluster: string, app = "shop") => keys.assignment("default", cluster, app);

async function statementOf(cluster: string): Promise<string> {
  const row = await line.db().get(rowKey(cluster), { consistent: true });
  return String(row?.["statement"]);
}

async function bump(cluster: string = "east"): Promise<void> {
  await line.db().update(keys.line("default", cluster), {
    text: "ADD #desired :one",
    names: { desired: "desired" },
    values: { one: 1 },
  });
}

/** Puts another statement into the row of east, waits until it is refused, and puts the right one back. */
async function refusalOf(statement: string): Promise<string> {
  const db = line.db();
  const row = await db.get(rowKey("east"), { consistent: true });
  const before = await live(line, "east", "configmap", "settings");
  await db.put({ ...row, ...rowKey("east"), statement });
  await bump();
  const told = await until("refused and told", async () => {
    const { observed } = await placementOf(line, "east");
    return observed?.phase === "refused" ? observed.message : undefined;
  });
  expect(await live(line, "east", "configmap", "settings")).toEqual(before);
  await db.put({ ...row, ...rowKey("east") });
  await bump();
  await until("healthy again", async () => (await placementOf(line, "east")).observed?.phase === "healthy");
  return told;
}

function withPayload(jws: string, change: (statement: Statement) => void): string {
  const [header, payload, signature] = jws.split(".");
  const statement = JSON.parse(Buffer.from(payload ?? "", "base64url").toString()) as Statement;
  change(statement);
  return [header, Buffer.from(JSON.stringify(statement)).toString("base64url"), signature].join(".");
}

describe("an assignment row with", () => {
  it("the statement of another cluster is refused", async () => {
    expect(await refusalOf(await statementOf("west"))).toContain("other-cluster");
  });

  it("a lower generation is refused", async () => {
    expect(await refusalOf(older)).toContain("older-generation");
  });

  it("one changed option is refused: its signature does not fit", async () => {
    const changed = withPayload(await statementOf("east"), ({ order }) => {
      order.pruneLimit = 10_000;
    });
    expect(await refusalOf(changed)).toMatch(/signature/i);
  });

  it("the statement of another App is refused", async () => {
    const db = line.db();
    await db.put({
      ...rowKey("east", "till"),
      app: "till",
      statement: await statementOf("east"),
      epoch: 1,
      generation: 1,
    });
    const assigned = { action: "apply", epoch: 1, generation: 1, release: 1, at: 0 };
    const placed = keys.placement("default", "till", "east");
    await db.put({ ...placed, project: "default", app: "till", cluster: "east", assigned });
    await bump();
    const told = await until("refused and told", async () => {
      const observed = (await db.get(placed, { consistent: true }))?.["observed"] as
        | { phase: string; message: string }
        | undefined;
      return observed?.phase === "refused" ? observed.message : undefined;
    });
    expect(told).toContain("other-app");
    await db.delete(rowKey("east", "till"));
    await db.delete(placed);
    await bump();
  });
});

describe("a bundle with one byte changed", () => {
  it("is refused before any of it is used", async () => {
    await line.agents["east"]?.kill("SIGTERM");
    const folder = join(line.folder, "hub", "objects", "bundles");
    const known = new Set(await readdir(folder));
    const commit = await line.tree.push(
      { [`${BASE}/settings.yaml`]: configMap("settings", "third") },
      "Third",
    );
    await until(
      "the bundles of the third release",
      async () => (await readdir(folder)).length >= known.size + 2,
    );
    const originals = new Map<string, Buffer>();
    for (const name of (await readdir(folder)).filter((file) => !known.has(file))) {
      const packed = await readFile(join(folder, name));
      originals.set(name, packed);
      const text = gunzipSync(packed).toString().replace("third", "thirt");
      await writeFile(join(folder, name), gzipSync(text));
    }
    line.restartAgent("east");
    const told = await until("refused and told", async () => {
      const { observed } = await placementOf(line, "east");
      return observed?.phase === "refused" ? observed.message : undefined;
    });
    expect(told).toContain("digest");
    expect(await live(line, "east", "configmap", "settings")).toMatchObject({ data: { greeting: "second" } });
    for (const [name, packed] of originals) await writeFile(join(folder, name), packed);
    for (const cluster of CLUSTERS) await bump(cluster);
    await until("the true bundle is taken", async () => {
      const found = (await live(line, "east", "configmap", "settings")) as unknown as {
        data: { greeting: string };
      };
      return found.data.greeting === "third";
    });
    await rolloutOf(line, commit);
  });
});
