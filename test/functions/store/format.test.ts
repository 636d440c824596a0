/**
 * Upgrade and rollback of the hub itself: this release reads what the releases before it wrote, takes their rollouts under way
 * to the end, and refuses a table whose items it would not keep. The golden files are whole tables, with the objects that
 * they name, as the release of each format left them: two clusters, one healthy on release 2, one not yet.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rolloutStateSchema } from "#core/rollout/state.ts";
import { verifyWindow } from "../../../functions/audit-log/verify.ts";
import { localDynamoConfig, type DynamoEngine } from "../../../functions/local/dynamo.ts";
import { ensureTable } from "../../../functions/local/table.ts";
import { createFolderStore } from "../../../functions/objects/folder.ts";
import { sweepRollouts } from "../../../functions/rollout/tick-apps.ts";
import { getAgentIdentity } from "../../../functions/store/agent-key.ts";
import { pageApiTokens } from "../../../functions/store/api-token.ts";
import { getLine, listBeats, putBeat } from "../../../functions/store/cluster.ts";
import { createDb, type Db, type Item } from "../../../functions/store/db.ts";
import { newestAuditRow } from "../../../functions/store/drift-audit.ts";
import { FORMAT } from "../../../functions/store/format.ts";
import { guarded } from "../../../functions/store/guard.ts";
import { findHub, getHub } from "../../../functions/store/hub.ts";
import { raiseFormat } from "../../../functions/store/hub-write.ts";
import { listPlacements, putReport } from "../../../functions/store/placement.ts";
import { listAssignments } from "../../../functions/store/assignment.ts";
import { listProjects, listResources } from "../../../functions/store/resource.ts";
import { getRollout, listReleases, listRollouts } from "../../../functions/store/rollout.ts";
import { listServed } from "../../../functions/store/served.ts";
import { getAppRecord, listSourceStates } from "../../../functions/store/state.ts";
import { keys, type Key } from "../../../functions/store/table.ts";
import { exportPage } from "../../../functions/transfer/export.ts";
import { startDynamo } from "../../support/dynamo.ts";

const FORMATS = Array.from({ length: FORMAT }, (_, index) => index + 1);
const goldenOf = (format: number): string =>
  fileURLToPath(new URL(`golden/format-${format}.jsonl`, import.meta.url));
type Line = { item: Key & Item } | { key: string; base64: string };

let engine: DynamoEngine;
let client: DynamoDBClient;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-format-"));
  engine = await startDynamo();
  client = new DynamoDBClient(localDynamoConfig(engine.endpoint));
});
afterAll(async () => {
  client?.destroy();
  await engine?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function freshTable(name: string): Promise<Db> {
  await ensureTable(client, name);
  return createDb(DynamoDBDocumentClient.from(client), name);
}

/** Bytes stand in the file as `{ "$bytes": base64 }`. */
function revive(_: string, value: unknown): unknown {
  const isBytes = typeof value === "object" && value !== null && "$bytes" in value;
  return isBytes ? Buffer.from(String(value.$bytes), "base64") : value;
}

/** A minute after the release of that format was stopped. */
async function golden(format: number) {
  const db = await freshTable(`format-${format}`);
  const root = join(folder, `format-${format}`);
  const lines = (await readFile(goldenOf(format), "utf8")).split("\n").filter((line) => line !== "");
  for (const line of lines.map((text) => JSON.parse(text, revive) as Line)) {
    if ("item" in line) {
      await db.put(line.item);
      continue;
    }
    await mkdir(dirname(join(root, line.key)), { recursive: true });
    await writeFile(join(root, line.key), Buffer.from(line.base64, "base64"));
  }
  const beats = [...(await listBeats(db, "default")).values()];
  const now = Math.max(...beats.map(({ heardAt }) => heardAt)) + 60_000;
  return { db, objects: createFolderStore({ root }), now: () => now };
}

describe.each(FORMATS)("a table of format %i", (format) => {
  let deps: Awaited<ReturnType<typeof golden>>;
  beforeAll(async () => {
    deps = await golden(format);
  });

  it("is read: resources, releases, rollouts, placements, and what is known of each cluster", async () => {
    const { db, now } = deps;
    expect((await getHub(db)).epoch).toBe(1);
    expect(await listProjects(db)).toEqual(["default", "fairlead"]);
    expect((await listResources(db, "App", "default"))[0]?.resource.spec.path).toBe("apps/shop");
    expect((await listSourceStates(db, "default")).get("fleet")).toMatchObject({ kind: "read" });
    expect(await getAppRecord(db, "default", "shop")).toMatchObject({ release: 2, active: true });
    expect((await listReleases(db, "default", "shop", 9)).map(({ release }) => release)).toEqual([2, 1]);
    expect((await listRollouts(db, "default", "shop", 9)).map(({ state }) => state.kind)).toEqual([
      "running",
      "succeeded",
    ]);
    const placements = await listPlacements(db, "default", "shop");
    expect(placements.map(({ cluster, observed }) => [cluster, observed?.release])).toEqual([
      ["east", 2],
      ["west", 1],
    ]);
    for (const name of ["east", "west"]) {
      expect(await getLine(db, "default", name)).toMatchObject({ cluster: name });
      expect(await getAgentIdentity(db, "default", name)).toMatchObject({ version: expect.any(Number) });
      expect(await listAssignments(db, "default", name)).toMatchObject([{ app: "shop", epoch: 1 }]);
    }
    expect((await listServed(db, "default")).size).toBe(2);
    expect(await newestAuditRow(db, "default")).toBeDefined();
    const tokens = await pageApiTokens(db, "fairlead", now(), { limit: 9 });
    expect(tokens.items.length).toBe(1);
  });

  it("is exported to the last line, and its audit logs hold", async () => {
    const kinds: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await exportPage(deps, cursor);
      kinds.push(...page.lines.map(({ kind }) => kind));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(kinds).toEqual(expect.arrayContaining(["hub", "resource", "token", "log", "targets", "app"]));
    for (const project of ["default", "fairlead"]) {
      const { findings, records } = await verifyWindow(deps, project, 0);
      expect(findings).toEqual([]);
      expect(records).toBeGreaterThan(0);
    }
  });

  it("has a rollout under way that goes on to its end", async () => {
    const { db, now } = deps;
    await raiseFormat(db);
    await sweepRollouts(deps);
    expect((await getRollout(db, "default", "shop", 2))?.state.kind).toBe("running");
    await putBeat(db, "default", "west", now());
    const told = { message: "is healthy", objects: 2, outcomes: {}, failures: [], drift: [], driftTotal: 0 };
    const [assigned] = await listAssignments(db, "default", "west");
    const generation = assigned?.generation ?? 0;
    const at = { app: "shop", seq: now(), epoch: 1, generation, release: 2, phase: "healthy" } as const;
    expect(await putReport(db, "default", "west", { ...at, ...told }, now())).toEqual({ kind: "written" });
    await sweepRollouts(deps);
    expect(await getRollout(db, "default", "shop", 2)).toMatchObject({
      state: { kind: "succeeded", silent: 0 },
      out: [],
    });
    expect((await getHub(db)).format).toBe(FORMAT);
  });
});

describe("a table of a newer release", () => {
  it("is refused before anything is read or written, with the way out", async () => {
    const db = await freshTable("newer");
    const item = { ...keys.hub(), hub: "h", format: FORMAT + 1, shape: "unknown to this release" };
    await db.put(item);
    await raiseFormat(db);
    await expect(findHub(db)).rejects.toThrow(
      /items of format 3, and this release knows formats up to 2: deploy a newer one.*#rollback/,
    );
    const mine = guarded(db);
    const key = keys.project("default");
    await expect(mine.put({ ...key, name: "default" })).rejects.toThrow("this release knows");
    await expect(mine.get(key)).rejects.toThrow("this release knows");
    await expect(mine.query({ pk: key.pk, prefix: "" }).next()).rejects.toThrow("this release knows");
    expect(await db.get(key)).toBeUndefined();
    expect(await db.get(keys.hub(), { consistent: true })).toEqual(item);
  });

  it("is asked about once in a process's life", async () => {
    const db = await freshTable("counted");
    let reads = 0;
    const counted: Db = { ...db, get: (...args) => ((reads += 1), db.get(...args)) };
    const mine = guarded(counted);
    await mine.put({ ...keys.hub(), hub: "h" });
    await mine.getMany([keys.hub()]);
    expect(reads).toBe(1);
  });
});

describe("each format", () => {
  // What would break: a release of before, put back by a rollback, fails at each look at the rollouts of such an App.
  it("has its states of a rollout: one more is a format of its own", () => {
    const kinds = rolloutStateSchema.options.map(({ shape }) => shape.kind.value).sort();
    expect({ [FORMAT]: kinds }).toEqual({
      2: [
        "aborted",
        "halted",
        "paused",
        "pending",
        "rolled-back",
        "rolling-back",
        "running",
        "succeeded",
        "superseded",
        "withheld",
      ],
    });
  });

  it("has its golden file: who raises it keeps what the release before wrote", () => {
    expect(FORMATS.filter((format) => !existsSync(goldenOf(format)))).toEqual([]);
  });
});
