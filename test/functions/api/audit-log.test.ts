/** The audit log over the API: who may read it, filters and pages, its check, and the manifests of a moment. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditPage, FoundPage, Manifests, Verified } from "#core/audit-view.ts";
import { makeBundle } from "#core/bundle.ts";
import { createSequencer } from "../../../functions/audit-log/sequencer.ts";
import { putBundle } from "../../../functions/release/content.ts";
import { keys } from "../../../functions/store/table.ts";
import { apiHub, ask, refused, type ApiHub } from "../../support/api-hub.ts";
import { appHistory, appItem, change } from "../../support/audit-log.ts";

const AUDIT = "/v1/projects/default/audit";
const MANIFESTS = "/v1/projects/default/clusters/eu-1/apps/shop/manifests";
const configMap = (greeting: string) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings" },
  data: { greeting },
});
const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: {
    name: "password",
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "hunter2" },
  },
  data: { password: "aHVudGVyMg==" },
  stringData: { other: "hunter2" },
};
const first = makeBundle([configMap("good morning"), secret]);
const second = makeBundle([configMap("good evening")]);
/** Assignments come two hours apart from here on: later than a change may lag behind. */
const START = 1_800_000_000_000;
const TWO_HOURS = 2 * 60 * 60_000;
const hour = (hours: number): number => START + hours * 60 * 60_000;
let hub: ApiHub;

beforeAll(async () => {
  hub = await apiHub();
  await putBundle(hub.objects, first);
  await putBundle(hub.objects, second);
  const assigned = (generation: number, bundle: string | undefined, at: number) => ({
    project: "default",
    app: "shop",
    cluster: "eu-1",
    assigned: {
      action: bundle === undefined ? "remove" : "apply",
      epoch: 1,
      generation,
      release: generation,
      bundle,
      at,
    },
  });
  const key = keys.placement("default", "shop", "eu-1");
  const steps = [
    assigned(1, first.digest, hour(2)),
    assigned(2, second.digest, hour(4)),
    assigned(3, "d".repeat(64), hour(6)),
    assigned(4, undefined, hour(8)),
  ];
  const sequencer = createSequencer({ ...hub, log: () => undefined });
  for (const one of appHistory("default", "desk", 5)) await sequencer.record([one]);
  for (const [index, step] of steps.entries())
    await sequencer.record([
      change(key, steps[index - 1], step, (START + TWO_HOURS * (index + 1)) / 1000),
      ...appHistory("default", `app-${index}`, 3),
    ]);
  await sequencer.record(appHistory("other", "till", 1));
  const grace = appItem("default", "desk", 6, "user:grace@example.com");
  await sequencer.record([
    change(keys.app("default", "desk"), appItem("default", "desk", 5), grace, 1_900_000_000),
  ]);
}, 900_000);
afterAll(() => hub?.stop());

async function get<T>(url: string, token = hub.tokens.admin): Promise<T> {
  const answer = await ask(hub.api, { method: "GET", url, token });
  expect([answer.status, url]).toEqual([200, url]);
  return (await answer.json()) as T;
}

describe("GET /audit", () => {
  it("tells the newest first, in pages that leave nothing out and tell nothing twice", async () => {
    const numbers: number[] = [];
    for (let cursor = ""; ;) {
      const page = await get<AuditPage>(`${AUDIT}?limit=4${cursor}`);
      numbers.push(...page.items.map(({ n }) => n));
      expect(page.items.length).toBeLessThanOrEqual(4);
      if (page.next === undefined) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(numbers).toEqual(Array.from({ length: 22 }, (_, index) => 22 - index));
  });

  it("filters by noun, name, person and time", async () => {
    const of = async (query: string) => (await get<AuditPage>(`${AUDIT}?${query}`)).items;
    expect((await of("noun=app&name=desk")).map(({ version }) => version)).toEqual([6, 5, 4, 3, 2, 1]);
    expect((await of("name=shop")).map(({ noun }) => noun)).toEqual(Array(4).fill("assignment"));
    expect((await of("by=user:grace@example.com")).map(({ n }) => n)).toEqual([22]);
    expect((await of("since=2030-01-01T00:00:00Z")).map(({ n }) => n)).toEqual([22]);
    expect((await of(`until=${hour(5)}&noun=assignment`)).map(({ at }) => at)).toEqual([hour(4), hour(2)]);
  });

  it("gives a cursor only for the list that it was made for", async () => {
    const { next } = await get<AuditPage>(`${AUDIT}?limit=1`);
    await refused(
      hub,
      { method: "GET", url: `${AUDIT}?limit=1&noun=app&cursor=${next ?? ""}`, token: hub.tokens.admin },
      400,
    );
  });

  it("refuses a time that is none, a noun that is none, and who may not read it", async () => {
    const token = hub.tokens.admin;
    for (const query of ["since=yesterday", "noun=fleet", "limit=0", "until=9".padEnd(60, "9")])
      await refused(hub, { method: "GET", url: `${AUDIT}?${query}`, token }, 400);
    for (const path of [AUDIT, `${AUDIT}/verify`, `${AUDIT}/batches`, MANIFESTS]) {
      await refused(hub, { method: "GET", url: path, token: hub.tokens.wrong }, 401);
      await refused(hub, { method: "GET", url: path, token: hub.tokens.viewer }, 403);
      await refused(hub, { method: "GET", url: path, token: hub.tokens.other }, 403);
    }
  });
});

describe("GET /audit/verify and /audit/batches", () => {
  it("find nothing in a sound log, from its start or from a batch on", async () => {
    const whole = await get<Verified>(`${AUDIT}/verify`);
    expect(whole).toMatchObject({ batches: 10, records: 22, findings: [], head: { n: 10 } });
    expect(await get<Verified>(`${AUDIT}/verify?after=7`)).toMatchObject({ batches: 3, findings: [] });
    const { batches } = await get<FoundPage>(`${AUDIT}/batches?after=8`);
    expect(batches.map(({ place }) => place)).toEqual([9, 10]);
    expect(whole.head?.hash).toBe(batches.at(-1)?.hash);
  });

  it("are empty for a project where nothing has happened", async () => {
    expect(await get<Verified>("/v1/projects/quiet/audit/verify")).toEqual({
      batches: 0,
      records: 0,
      findings: [],
    });
  });

  it("find what was altered, and the list says that records are missing", async () => {
    const item = await hub.db.get(keys.logBatch("default", 3), { consistent: true });
    if (item === undefined) throw new Error("there is no batch 3");
    await hub.db.put({ ...keys.logBatch("default", 3), ...item, zip: new Uint8Array([1, 2, 3]) });
    const { findings } = await get<Verified>(`${AUDIT}/verify`);
    expect(findings.map(({ kind, batch }) => [kind, batch])).toEqual([["unreadable-batch", 3]]);
    expect(await get<AuditPage>(`${AUDIT}?name=desk`)).toMatchObject({ damaged: [3] });
    await hub.db.put({ ...keys.logBatch("default", 3), ...item });
  });
});

describe("GET /clusters/{cluster}/apps/{app}/manifests", () => {
  it("gives what was assigned at that moment, and no value of a Secret", async () => {
    const then = await get<Manifests>(`${MANIFESTS}?at=${hour(3)}`);
    expect(then).toMatchObject({
      kind: "found",
      assigned: { release: 1, generation: 1, bundle: first.digest },
      total: 2,
      commit: "c".repeat(40),
    });
    const objects = then.kind === "found" ? then.objects : [];
    expect(objects.map(({ kind }) => kind)).toEqual(["ConfigMap", "Secret"]);
    expect(objects[1]).toMatchObject({ data: { password: "(hidden)" }, stringData: { other: "(hidden)" } });
    expect(JSON.stringify(then)).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(await get<Manifests>(`${MANIFESTS}?at=${hour(4)}`)).toMatchObject({
      assigned: { release: 2 },
      total: 1,
    });
    expect(await get<Manifests>(`${MANIFESTS}?at=${new Date(hour(6) - 1).toISOString()}`)).toMatchObject({
      assigned: { release: 2 },
    });
  });

  it("says that the App was taken away, and now is the moment where none is named", async () => {
    hub.setNow(hour(9));
    expect(await get<Manifests>(MANIFESTS)).toMatchObject({
      assigned: { action: "remove", generation: 4 },
      objects: [],
      total: 0,
    });
  });

  it("refuses a moment before the first assignment, another App, and a bundle that is gone", async () => {
    const token = hub.tokens.admin;
    const before = await refused(hub, { method: "GET", url: `${MANIFESTS}?at=${hour(2) - 1}`, token }, 404);
    expect(before.detail).toContain(
      `nothing assigned on cluster eu-1 at ${new Date(hour(2) - 1).toISOString()}`,
    );
    await refused(hub, { method: "GET", url: MANIFESTS.replace("shop", "nope"), token }, 404);
    const gone = await refused(hub, { method: "GET", url: `${MANIFESTS}?at=${hour(7)}`, token }, 404);
    expect(gone.detail).toContain("not in the object store any more");
  });

  it("gives objects in parts", async () => {
    expect(await get<Manifests>(`${MANIFESTS}?at=${hour(3)}&from=1`)).toMatchObject({
      objects: [{ kind: "Secret" }],
      total: 2,
    });
  });
});
