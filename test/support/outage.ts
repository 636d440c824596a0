/**
 * An API server that ends while Apps are being delivered and edited, is away for a while, and comes back on its data.
 * What the agent tells and asks meanwhile is kept.
 */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { PlacementReport } from "#core/protocol.ts";
import { createKubeApi } from "../../agent/kube/api.ts";
import type { Rig } from "./agent-rig.ts";
import { configMap, startAgent } from "./test-agent.ts";
import { until } from "./wait.ts";

const APPS = ["one", "two", "three", "four", "five"];
const OBJECTS = 20;
const EDITED = 3;
const NAMESPACE = "shop";
const WAIT_MS = 180_000;
/** A server that is away is nobody's failure. */
const HONEST = new Set(["received", "applying", "progressing", "healthy"]);

interface Outage {
  /** Requests to the server that is not there, in the first third of the time and in the last. */
  asked: { first: number; last: number };
  /** Told while the server was away. */
  away: PlacementReport[];
  /** Told from the beginning to the end. */
  all: PlacementReport[];
  /** Generations that were given out while it was away. */
  unseen: number[];
}

async function outage(rig: Rig, ms: number): Promise<Outage> {
  const { reports } = rig.hub;
  const begin = reports.length;
  await arrived(rig, await assign(rig, APPS, "before"));
  await edit(rig, "by hand, before");
  const begun = await assign(rig, APPS, "begun");
  await until("the next delivery under way", async () => (await values(rig)).includes("begun"));
  await edit(rig, "by hand, at the end");
  const asked = { first: 0, last: 0 };
  let unseen = new Map<string, number>();
  let away: PlacementReport[] = [];
  await rig.without(async () => {
    const from = reports.length;
    unseen = await assign(rig, ["one", "two"], "meanwhile");
    asked.first = await askedIn(rig, ms / 3);
    await delay(ms / 3);
    asked.last = await askedIn(rig, ms / 3);
    away = reports.slice(from).flatMap(({ placements }) => placements);
  });
  await arrived(rig, new Map([...begun, ...unseen]));
  await edit(rig, "by hand, after");
  await until("every edit restored", async () => !(await values(rig)).some(isEdited), WAIT_MS);
  const all = reports.slice(begin).flatMap(({ placements }) => placements);
  return { asked, away, all, unseen: [...unseen.values()] };
}

/** Stops the server for `ms`; expects that the agent lives on, tells nothing false, and heals what it finds. */
export async function expectHarmless(rig: Rig, ms: number): Promise<void> {
  const authorization = async (): Promise<string> => `Bearer ${rig.cluster.token}`;
  const kube = createKubeApi({ server: rig.url, ca: rig.ca, authorization });
  const agent = startAgent(rig.hub, kube, { token: rig.hub.token(), options: { backoffMaxMs: ms / 4 } });
  try {
    const { asked, away, all, unseen } = await outage(rig, ms);
    const claims = away.filter(({ phase, generation }) => phase === "healthy" && unseen.includes(generation));
    expect(claims).toEqual([]);
    expect(all.filter(({ phase }) => !HONEST.has(phase))).toEqual([]);
    expect(asked.first).toBeGreaterThan(0);
    expect(asked.last).toBeLessThan(asked.first);
    expect(countsOf(await values(rig))).toEqual({ meanwhile: 2 * OBJECTS, begun: 3 * OBJECTS });
    expect(agent.logs.filter(({ level }) => level === "error")).toEqual([]);
  } finally {
    await agent.stop();
    await kube.close();
  }
}

function countsOf(all: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of all) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

const isEdited = (value: string): boolean => value.startsWith("by hand");
const nameOf = (app: string, index: number): string => `${app}-${index}`;

async function assign(rig: Rig, apps: readonly string[], value: string): Promise<Map<string, number>> {
  const generations = new Map<string, number>();
  for (const app of apps) {
    const objects = Array.from({ length: OBJECTS }, (_, index) =>
      configMap(nameOf(app, index), { key: value }),
    );
    const { generation } = await rig.hub.assign(app, objects, { namespace: NAMESPACE });
    generations.set(app, generation);
  }
  return generations;
}

async function arrived(rig: Rig, wanted: ReadonlyMap<string, number>): Promise<void> {
  const look = async (): Promise<true> => {
    const late = [...wanted].filter(([app, generation]) => {
      const told = rig.hub.latest.get(app);
      return told?.phase !== "healthy" || told.generation !== generation;
    });
    if (late.length === 0) return true;
    throw new Error(JSON.stringify(late.map(([app]) => rig.hub.latest.get(app))));
  };
  await until("every App healthy", look, WAIT_MS);
}

async function edit(rig: Rig, value: string): Promise<void> {
  for (const app of APPS)
    for (let index = 0; index < EDITED; index += 1) {
      const address = { apiVersion: "v1", kind: "ConfigMap", namespace: NAMESPACE, name: nameOf(app, index) };
      await rig.edit(address, { data: { key: value } });
    }
}

async function values(rig: Rig): Promise<string[]> {
  interface Live {
    metadata: { name: string };
    data: { key: string };
  }
  const path = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
  const { items } = await rig.ask<{ items: Live[] }>("GET", path);
  return items.map(({ data }) => data.key);
}

async function askedIn(rig: Rig, ms: number): Promise<number> {
  const from = rig.requests.length;
  await delay(ms);
  return rig.requests.length - from;
}
