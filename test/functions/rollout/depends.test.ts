/** Two Apps on the same clusters, one of which waits for the other: each cluster for itself. */
import { marshall } from "@aws-sdk/util-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Phase } from "#core/protocol.ts";
import { lookFor } from "../../../functions/release/look-apps.ts";
import { tickReported } from "../../../functions/rollout/tick-apps.ts";
import { tick } from "../../../functions/rollout/tick.ts";
import { whyPlaced } from "../../../functions/rollout/why.ts";
import { putBeat } from "../../../functions/store/cluster.ts";
import { getPlacements, putReport } from "../../../functions/store/placement.ts";
import { getRollout } from "../../../functions/store/rollout.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { keys } from "../../../functions/store/table.ts";
import { cluster, configMaps, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

const NAMES = ["a", "b"];
let hub: HubParts;
let seq = 0;
let commits = 0;
beforeAll(async () => {
  hub = await hubParts();
  await hub.apply(source);
  for (const name of NAMES) {
    await hub.apply(cluster(name));
    await putBeat(hub.db, "default", name, hub.now());
  }
  await hub.apply(app("shop", { dependsOn: ["zero"] }), app("zero"));
}, 900_000);
afterAll(() => hub?.stop());

const app = (name: string, spec: object = {}) => ({
  kind: "App",
  metadata: { name },
  spec: { source: "fleet", path: "apps", clusters: {}, rollout: { maxFailures: 5 }, ...spec },
});

/** As the event of a push would. */
async function push() {
  commits += 1;
  await hub.commit(`commit ${commits}`, configMaps(`text ${commits}`));
  await lookFor(hub, {
    type: "source.changed",
    detail: { project: "default", source: "fleet", commit: `${commits}` },
  });
}

const record = async (name: string) => {
  const found = await getAppRecord(hub.db, "default", name);
  if (found === undefined) throw new Error(`no App ${name}`);
  return found;
};
const rollout = async (name: string) => {
  const found = await getRollout(hub.db, "default", name, (await record(name)).release);
  if (found === undefined) throw new Error(`no rollout of ${name}`);
  return found;
};
const given = async (name: string) => {
  const { release } = await record(name);
  const placements = await getPlacements(hub.db, "default", name, NAMES);
  return NAMES.filter((one) => placements.get(one)?.assigned?.release === release);
};
const why = (name: string) => whyPlaced(hub, "default", "shop", name);

/** The report, and what its stream record sets off. */
async function report(name: string, where: string, phase: Phase) {
  const key = keys.placement("default", name, where);
  const read = async () =>
    marshall((await hub.db.get(key, { consistent: true })) ?? {}, { removeUndefinedValues: true });
  const before = (await getPlacements(hub.db, "default", name, [where])).get(where);
  if (before?.assigned === undefined) throw new Error(`${name} is not assigned to ${where}`);
  const { epoch, generation, release } = before.assigned;
  const told = { message: `is ${phase}`, objects: 1, outcomes: {}, failures: [], drift: [], driftTotal: 0 };
  const OldImage = await read();
  await putReport(
    hub.db,
    "default",
    where,
    { app: name, seq: (seq += 1), epoch, generation, release, phase, ...told },
    hub.now(),
  );
  const NewImage = await read();
  await tickReported(hub, [{ dynamodb: { Keys: marshall(key), OldImage, NewImage } } as never]);
}

describe("an App that depends on another", () => {
  it("moves on a cluster as soon as that one reports the other as healthy, and not before", async () => {
    await push();
    // By name the other one comes last, and it is looked at first all the same.
    expect(await given("zero")).toEqual(["a", "b"]);
    expect(await given("shop")).toEqual([]);
    expect((await rollout("shop")).state).toEqual({ kind: "running", step: { kind: "dependency" } });
    expect(await why("a")).toContain("waits for App zero on this cluster: assigned");
    await report("zero", "a", "progressing");
    expect(await given("shop")).toEqual([]);
    await report("zero", "a", "healthy");
    expect(await given("shop")).toEqual(["a"]);
    await report("zero", "b", "healthy");
    expect(await given("shop")).toEqual(["a", "b"]);
    for (const name of NAMES) await report("shop", name, "healthy");
    expect((await rollout("shop")).state).toMatchObject({ kind: "succeeded", silent: 0 });
  });

  it("waits for the release that is in force now, not for the one that was healthy before", async () => {
    await push();
    await report("zero", "a", "healthy");
    await report("zero", "b", "failed");
    expect(await given("shop")).toEqual(["a"]);
    await report("shop", "a", "healthy");
    // Tolerated there, so its rollout is over: the others do not wait for this cluster any longer.
    await tick(hub, "default", "shop", (await record("shop")).release, { redrive: true });
    expect((await rollout("zero")).state).toMatchObject({ kind: "succeeded", failed: 1 });
    expect((await rollout("shop")).state).toMatchObject({ kind: "succeeded", silent: 0, held: 1 });
    expect(await why("b")).toContain("waits for App zero on this cluster: failed");
    await report("zero", "b", "healthy");
    expect(await given("shop")).toEqual(["a", "b"]);
    await report("shop", "b", "healthy");
    expect((await rollout("shop")).state).toMatchObject({ kind: "succeeded", silent: 0 });
    expect((await record("shop")).active).toBe(false);
  });

  it("is held by one that was never released, and not by one that is not there, or for no cluster", async () => {
    await hub.apply(
      app("late", { path: "apps", dependsOn: ["broken"] }),
      app("free", { dependsOn: ["nobody"] }),
      app("open", { dependsOn: ["elsewhere"] }),
    );
    await hub.apply(app("broken", { path: "nowhere" }));
    await hub.apply(app("elsewhere", { clusters: { matchLabels: { in: "space" } } }));
    await push();
    expect(await given("free")).toEqual(["a", "b"]);
    expect(await given("open")).toEqual(["a", "b"]);
    expect(await given("late")).toEqual([]);
    expect((await rollout("late")).waits[0]?.why).toBe("waits for App broken, which has no release yet");
  });
});
