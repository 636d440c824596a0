/**
 * What an export reads and an import writes, on any engine: everything once, in parts, and the same again changes
 * nothing. A hub that was brought is one in which agents, tokens and numbers go on.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExportLine } from "#core/export.ts";
import { sha256 } from "#core/digest.ts";
import { registerKey } from "../../functions/store/agent-key.ts";
import { getApiToken, putApiToken } from "../../functions/store/api-token.ts";
import { putCredential } from "../../functions/store/credential.ts";
import type { Db } from "../../functions/store/db.ts";
import { getLine } from "../../functions/store/line.ts";
import {
  ensureProjects,
  getResource,
  keyOf,
  listResources,
  putResource,
} from "../../functions/store/resource.ts";
import { createRelease, getRelease } from "../../functions/store/rollout.ts";
import { getServed, putServed } from "../../functions/store/served.ts";
import { getAppRecord } from "../../functions/store/state.ts";
import { keys } from "../../functions/store/table.ts";
import {
  isFresh,
  projectsInOrder,
  restoreAgent,
  restoreApp,
  restoreResource,
  restoreServed,
  restoreToken,
} from "../../functions/store/transfer.ts";
import {
  readAppNumbers,
  readClusters,
  readCredentialNames,
  readLogHead,
  readProject,
  readResources,
  readServed,
  readTokens,
  type Part,
} from "../../functions/store/transfer-read.ts";
import {
  openStore,
  publicKey,
  release,
  resource,
  rollout,
  stamp,
  type StoreEngine,
  type StoreUnderTest,
} from "./store-parts.ts";

const NOW = 1_800_000_000_000;
const HOUR_MS = 3_600_000;
const SERVED = { project: "web", cluster: "a", kubernetes: "v1.34.4", seq: 9, at: NOW };
const DIGEST = sha256("an api token");

/** Registers the suite inside the caller's `describe`. */
export function transferConformance(start: () => Promise<StoreEngine>): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await openStore(start);
    await fill(store.db);
  }, 300_000);
  afterAll(() => store?.stop());

  async function fill(db: Db): Promise<void> {
    await ensureProjects(db, stamp);
    await putResource(db, resource("Project", "web", "web", { namespaces: ["shop"] }), stamp);
    for (const kind of ["Source", "App", "Policy", "Promotion"])
      for (let n = 0; n < 12; n++)
        await putResource(db, resource(kind, "web", `${kind.toLowerCase()}-${n}`), stamp, "source:web/fleet");
    await putResource(db, resource("App", "web", "shop"), stamp);
    await putResource(db, resource("Cluster", "web", "a"), stamp);
    await registerKey(db, "web", "a", { key: publicKey("a"), revocations: 0, stamp, now: NOW });
    const token = {
      id: "t1",
      name: "ci",
      project: "web",
      role: "viewer",
      rules: [],
      createdAt: NOW,
      expiresAt: NOW + HOUR_MS,
    };
    await putApiToken(db, token, DIGEST, stamp);
    const credential = { project: "web", name: "fleet-read", kind: "token", stamp, at: NOW } as const;
    await putCredential(db, credential, undefined);
    await putServed(db, SERVED, undefined);
    const record = {
      project: "web",
      app: "shop",
      version: 1,
      epoch: 1,
      generation: 7,
      release: 7,
      active: true,
      inputs: "i",
      lookedAt: 1,
    };
    await createRelease(db, release("web", 7), rollout("web", 7), record, undefined, undefined);
  }

  async function all(read: (after: string | undefined) => Promise<Part>): Promise<ExportLine[]> {
    const lines: ExportLine[] = [];
    for (let after: string | undefined; ;) {
      const part = await read(after);
      lines.push(...part.lines);
      after = part.next;
      if (after === undefined) return lines;
    }
  }

  async function exported(): Promise<ExportLine[]> {
    const { db } = store;
    const lines = await readProject(db, "web");
    for (const kind of ["Policy", "Source", "App", "Promotion"] as const)
      lines.push(...(await all((after) => readResources(db, kind, "web", after))));
    lines.push(...(await all((after) => readClusters(db, "web", after))));
    const { items, next } = await readServed(db, "web", undefined);
    expect([items, next]).toEqual([[SERVED], undefined]);
    const { project, cluster, kubernetes } = SERVED;
    lines.push({ kind: "served", project, cluster, kubernetes });
    lines.push(...(await all((after) => readTokens(db, "web", after, NOW))));
    lines.push(...(await all((after) => readCredentialNames(db, "web", after))));
    lines.push(...(await readLogHead(db, "web")));
    const numbers = await readAppNumbers(db, "web", undefined);
    if (numbers?.line === undefined) throw new Error("no App has numbers");
    expect(numbers.next).toBeUndefined();
    return [...lines, numbers.line];
  }

  async function restore(db: Db, line: ExportLine): Promise<void> {
    if (line.kind === "resource") await restoreResource(db, line, stamp);
    if (line.kind === "agent") await restoreAgent(db, line, stamp);
    if (line.kind === "token") await restoreToken(db, line, stamp);
    if (line.kind === "app") await restoreApp(db, line);
    if (line.kind === "served") await restoreServed(db, line);
  }

  describe("a transfer", () => {
    it("reads everything once, in parts, and nothing secret", async () => {
      const lines = await exported();
      const counts = Map.groupBy(lines, ({ kind }) => kind);
      expect(Object.fromEntries([...counts].map(([kind, some]) => [kind, some.length]))).toEqual({
        resource: 1 + 4 * 12 + 1 + 1,
        agent: 1,
        token: 1,
        credential: 1,
        served: 1,
        app: 1,
      });
      expect(await projectsInOrder(store.db)).toEqual(["default", "web", "fairlead"]);
      expect(await isFresh(store.db)).toBe(false);
    });

    it("writes it where nothing stands, and the same again changes nothing", async () => {
      const db = await store.second();
      await ensureProjects(db, stamp);
      expect(await isFresh(db)).toBe(true);
      const lines = await exported();
      for (const line of lines) await restore(db, line);
      const before = await db.get(keyOf("App", "web", "app-3"), { consistent: true });
      for (const line of lines) await restore(db, line);
      expect(await db.get(keyOf("App", "web", "app-3"), { consistent: true })).toEqual(before);
      expect(await getResource(db, "App", "web", "app-3")).toMatchObject({
        version: 1,
        managedBy: "source:web/fleet",
      });
      expect((await getResource(db, "Project", "web", "web"))?.resource.spec.namespaces).toEqual(["shop"]);
      expect(await listResources(db, "Source", "web")).toHaveLength(12);
      expect(await getLine(db, "web", "a", { consistent: true })).toMatchObject({
        key: publicKey("a"),
        desired: 1,
      });
      expect(await db.get(keys.identity("web", "a"), { consistent: true })).toMatchObject({
        event: "registered",
        registeredAt: NOW,
      });
      expect(await getServed(db, "web", "a")).toEqual({ ...SERVED, seq: 0, at: 0 });
      expect(await getApiToken(db, DIGEST, NOW)).toMatchObject({ id: "t1" });
      expect(await getAppRecord(db, "web", "shop")).toMatchObject({
        generation: 7,
        release: 7,
        active: false,
      });
      expect(await getRelease(db, "web", "shop", 7)).toMatchObject({ release: 7 });
    });
  });
}
