/**
 * One hub in two regions: who writes, who serves, what becomes of both when the writer is lost and when it comes back. Two tables
 * of the simulator's engine and a copier that knows no more than last-writer-wins; real handlers, charters, signatures and agents.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AGENT_PATHS } from "#core/protocol.ts";
import { charterOf, getHub } from "../../../functions/store/hub.ts";
import { getPlacements } from "../../../functions/store/placement.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { getRollout, listReleases } from "../../../functions/store/rollout.ts";
import { CLUSTERS, twoRegions, type Region, type TwoRegions } from "../../support/two-regions.ts";
import { stopAgents } from "../../support/test-agent.ts";
import { until } from "../../support/wait.ts";

const LONG_MS = 120_000;
let two: TwoRegions;
beforeEach(async () => {
  two = await twoRegions();
}, LONG_MS);
afterEach(async () => {
  await stopAgents();
  await two.stop();
}, LONG_MS);

function says(cluster: string): unknown {
  const found = two.kubes
    .get(cluster)
    ?.list()
    .find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name === "greeting");
  return (found?.["data"] as { says?: string } | undefined)?.says;
}

/** Both regions' schedules and, unless the test holds them back, the copies, until it is so. */
async function turnUntil<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  copies = true,
): Promise<T> {
  return until(what, async () => {
    for (const region of [two.a, two.b]) if (region.up) await region.sweep();
    if (copies) two.copier.deliver();
    return look();
  });
}

const everywhere = (data: string): boolean => CLUSTERS.every((name) => says(name) === data);

async function settled({ table }: Region): Promise<boolean> {
  const record = await getAppRecord(table, "default", "shop");
  const rollout =
    record === undefined ? undefined : await getRollout(table, "default", "shop", record.release);
  return rollout?.state.kind === "succeeded";
}

/** Two clusters on the first commit, copied. */
async function running(): Promise<void> {
  for (const name of CLUSTERS) await two.start(name);
  await two.a.commit("c1", "one");
  await turnUntil("the first commit is everywhere", async () => everywhere("one") && settled(two.a));
  two.copier.deliver();
}

async function failover(to: Region, urls: string[]): Promise<void> {
  const now = Math.max(Math.floor(Date.now() / 1000), charterOf(await getHub(to.table)).serial + 1);
  const charter = await two.charter(to, { epoch: now, serial: now, region: to.name, urls });
  expect((await to.call("PUT", "/v1/hub/charter", { charter })).status).toBe(200);
  await until("its functions have noticed", async () => (await to.writer.fault()) === undefined);
}

/** Each holds what it held, or newer. */
function expectForward(): void {
  for (const [cluster, held] of two.held)
    for (const [index, [epoch, generation]] of held.entries()) {
      const [before, was] = held[index - 1] ?? [0, 0];
      expect([cluster, epoch > before || (epoch === before && generation >= was)]).toEqual([cluster, true]);
    }
}

describe("the region that does not write", () => {
  it("refuses what would change anything, naming the writer and the command, and writes nothing", async () => {
    const { b, copier } = two;
    const refusals = [
      await b.call("POST", "/v1/apply", { resources: [] }),
      await b.call("PUT", "/v1/projects/default/credentials/git", { values: { token: "x" } }),
      await b.call("POST", "/v1/projects/default/clusters/east/registration"),
      await b.agents.request("/agent/v1/report", { method: "POST", body: "{}" }),
      await b.call("PUT", "/v1/hub/charter", { charter: await two.charter(b, { region: two.a.name }) }),
    ];
    for (const refusal of refusals)
      expect([refusal.status, await refusal.json()]).toMatchObject([503, { code: "not-writer" }]);
    const told = await (await b.call("POST", "/v1/apply", { resources: [] })).json();
    expect(told).toMatchObject({ detail: expect.stringContaining("region eu-central-1 writes") });
    expect(told).toMatchObject({ detail: expect.stringContaining("fairlead hub failover --to eu-west-1") });
    await expect(b.commit("c1", "never")).rejects.toThrow("region eu-central-1 writes");
    await b.sweep();
    expect(copier.waiting()).toBe(0);
  });

  it("answers reads, and says who writes", async () => {
    const view = await (await two.b.call("GET", "/v1/hub")).json();
    expect(view).toMatchObject({ region: "eu-central-1", here: { region: "eu-west-1", url: two.b.url } });
    expect((await two.b.call("GET", "/v1/projects/default/apps")).status).toBe(200);
  });
});

/** Waits until each cluster's agent was answered so by `region`, from now on. */
async function answeredBy(region: Region, path: string, ...statuses: number[]): Promise<void> {
  const from = two.answers.length;
  await until(`${path} of ${region.name} for all`, async () => {
    const found = two.answers
      .slice(from)
      .filter((one) => one.url === region.url && one.path === path && statuses.includes(one.status));
    return CLUSTERS.every((name) => found.some(({ cluster }) => cluster === name));
  });
}

describe("agents", () => {
  it(
    "of a lost writer are answered by the other region, which writes nothing for them; they come back with its return",
    async () => {
      await running();
      two.a.up = false;
      await answeredBy(two.b, AGENT_PATHS.desired, 200, 304);
      expect(two.copier.b.waiting).toEqual([]);
      two.a.up = true;
      await answeredBy(two.a, AGENT_PATHS.desired, 200, 304);
      await two.a.commit("c2", "two");
      await turnUntil("the second commit is everywhere", async () => everywhere("two") && settled(two.a));
      expectForward();
    },
    LONG_MS,
  );

  // What would break: a copy that is late would have them refuse what is older, and their rollout fail by it.
  it(
    "that know more than was copied are told that nothing is new",
    async () => {
      await running();
      await two.a.commit("c2", "two");
      await turnUntil(
        "the second commit is everywhere",
        async () => everywhere("two") && settled(two.a),
        false,
      );
      two.a.up = false;
      await answeredBy(two.b, AGENT_PATHS.desired, 304);
      expect(two.answers.filter(({ url, status }) => url === two.b.url && status === 200)).toEqual([]);
    },
    LONG_MS,
  );
});

describe("a failover", () => {
  it(
    "goes on from what was copied: the next commit arrives through the other region, in its epoch",
    async () => {
      await running();
      const { a, b } = two;
      // The writer is lost in the middle of a rollout, and some of what it wrote last was never copied.
      await a.commit("c2", "two");
      await turnUntil(
        "the second commit is on one cluster",
        async () => CLUSTERS.some((name) => says(name) === "two"),
        false,
      );
      two.copier.deliver(({ sk }) => sk.startsWith("rollout#") || sk.startsWith("release#"));
      a.up = false;
      await failover(b, [b.url, a.url]);
      await b.commit("c3", "three");
      await turnUntil("the third commit is everywhere", async () => everywhere("three") && settled(b), false);
      const epoch = (await getHub(b.table)).epoch;
      for (const { assigned, observed } of (
        await getPlacements(b.table, "default", "shop", CLUSTERS)
      ).values())
        expect([assigned?.epoch, observed?.epoch, observed?.phase]).toEqual([epoch, epoch, "healthy"]);
      expectForward();
    },
    LONG_MS,
  );

  it("is refused in an epoch that another region may have opened, and without a higher one", async () => {
    const { b } = two;
    const { epoch, serial } = await getHub(b.table);
    for (const change of [{ epoch }, { epoch: epoch + 1 }]) {
      const charter = await two.charter(b, { ...change, serial: serial + 100, region: b.name });
      const answer = await b.call("PUT", "/v1/hub/charter", { charter });
      expect([answer.status, await answer.json()]).toMatchObject([
        409,
        { code: "conflict", detail: expect.stringContaining("its epoch has to be its serial") },
      ]);
    }
    expect(two.copier.waiting()).toBe(0);
  });
});

describe("a writer that comes back", () => {
  it(
    "before it heard that it is none: nothing that it orders is obeyed, and what it wrote over is made good",
    async () => {
      await running();
      const { a, b, copier } = two;
      a.up = false;
      await failover(b, [b.url, a.url]);
      for (const [commit, data] of [
        ["c2", "two"],
        ["c3", "three"],
      ] as const) {
        await b.commit(commit, data);
        await turnUntil(`${commit} is everywhere`, async () => everywhere(data) && settled(b), false);
      }
      const { epoch } = await getHub(b.table);
      // Back, with nothing copied: it takes itself for the writer, and releases, later by the clock than all that the other wrote.
      a.up = true;
      await a.commit("old", "of the old writer");
      await until("the old writer has assigned", async () => {
        await a.sweep();
        const placements = await getPlacements(a.table, "default", "shop", CLUSTERS);
        return [...placements.values()].some(({ assigned }) => assigned?.release === 2);
      });
      expect(copier.deliver()).toBeGreaterThan(0);
      expect((await getAppRecord(b.table, "default", "shop"))?.epoch).toBe(1);
      // Agents ask where its statements stand now, and keep what they have.
      await answeredBy(b, AGENT_PATHS.desired, 200, 304);
      expect(everywhere("three")).toBe(true);
      await until("the old writer knows", async () => (await a.writer.fault()) !== undefined);
      await b.commit("c4", "four");
      await turnUntil("the fourth commit is everywhere", async () => everywhere("four") && settled(b));
      for (const { assigned, observed } of (
        await getPlacements(b.table, "default", "shop", CLUSTERS)
      ).values())
        expect([assigned?.epoch, observed?.epoch, observed?.phase]).toEqual([epoch, epoch, "healthy"]);
      // Above both: the number that the old writer's record named next is taken.
      const numbers = (await listReleases(b.table, "default", "shop", 20)).map(({ release }) => release);
      expect(numbers).toEqual([4, 3, 2, 1]);
      expectForward();
    },
    LONG_MS,
  );

  it(
    "takes over again with nothing copied in between: no two epochs are one",
    async () => {
      await running();
      const { a, b } = two;
      await failover(b, [b.url, a.url]);
      const first = await getHub(b.table);
      await until("a second has passed", async () => Math.floor(Date.now() / 1000) > first.epoch);
      await failover(a, [a.url, b.url]);
      const second = await getHub(a.table);
      expect(second.epoch).toBeGreaterThan(first.epoch);
      two.copier.deliver();
      expect(charterOf(await getHub(b.table)).region).toBe(a.name);
      await a.commit("c2", "two");
      await turnUntil("the second commit is everywhere", async () => everywhere("two") && settled(a));
      expectForward();
    },
    LONG_MS,
  );
});
