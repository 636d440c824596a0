/** The net under lost events: no event is sent here, so whatever happens, the sweep alone has found it. */
import { hubStamp } from "#core/actor.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppSweeper, SWEEP_ALL_MS } from "../../../functions/release/sweep-apps.ts";
import { getFleetRecord } from "../../../functions/store/fleet-state.ts";
import { getResource, markDeleting } from "../../../functions/store/resource.ts";
import { getAppRecord, putAppRecord } from "../../../functions/store/state.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

const MINUTE = 60_000;
let hub: HubParts;
let sweeper: AppSweeper;
beforeAll(async () => {
  hub = await hubParts();
  await hub.apply(source, app(), ...Array.from({ length: 40 }, (_, n) => cluster(`c${n}`)));
  await hub.commit("c1", configMaps("one"));
  sweeper = new AppSweeper();
  await sweep();
}, 900_000);
afterAll(() => hub?.stop());

/** A minute later, as the schedule does. */
async function sweep(): Promise<Record<string, number>> {
  hub.setNow(hub.now() + MINUTE);
  hub.units();
  await sweeper.sweep(hub);
  return hub.units();
}
const record = async (name = "shop") => {
  const found = await getAppRecord(hub.db, "default", name);
  if (found === undefined) throw new Error(`no record of ${name}`);
  return found;
};

describe("AppSweeper", () => {
  it("looks at everything when its process begins", async () => {
    expect(await record()).toMatchObject({ release: 1, commit: "c1" });
  });

  it("reads no cluster and writes nothing for Apps at rest, however many clusters there are", async () => {
    const { query = 0, get = 0, ...others } = await sweep();
    expect(others).toEqual({});
    const before = query + get;
    await hub.apply(...Array.from({ length: 40 }, (_, n) => cluster(`d${n}`, { later: "yes" })));
    const after = await sweep();
    expect((after["query"] ?? 0) + (after["get"] ?? 0)).toBe(before);
  });

  it("finds clusters whose event was lost within ten minutes", async () => {
    expect((await record()).release).toBe(1);
    for (let ms = 0; ms < SWEEP_ALL_MS; ms += MINUTE) await sweep();
    expect((await record()).release).toBe(2);
  });

  it("finds a commit, and a new App, at the next minute", async () => {
    await hub.commit("c2", configMaps("two"));
    await hub.apply({ ...app(), metadata: { name: "second" } });
    await sweep();
    expect(await record()).toMatchObject({ release: 3, commit: "c2" });
    expect(await record("second")).toMatchObject({ release: 1 });
  });

  it("finds a wish to go back, and an App that is being deleted, at the next minute", async () => {
    const before = await record();
    const wish = { ...before, version: before.version + 1, returnTo: { release: 1, by: "user:ada" } };
    await putAppRecord(hub.db, wish, before.version);
    const second = await getResource(hub.db, "App", "default", "second");
    if (second === undefined) throw new Error("no App");
    await markDeleting(hub.db, second, hubStamp("test"));
    await sweep();
    expect((await record()).returnTo).toBeUndefined();
    // It would leave eighty clusters, which somebody has to approve.
    expect((await record("second")).withheld).toBe(2);
  });

  it("syncs a fleet folder whose commit is new, and forgets what is left of one that is none any more", async () => {
    const spec = { ...source.spec, apps: "fleet/" };
    await hub.apply({ ...source, spec });
    await sweep();
    expect((await getFleetRecord(hub.db, "default", "fleet"))?.state.commit).toBe("c2");
    await hub.commit("c3", configMaps("three"));
    await sweep();
    expect((await getFleetRecord(hub.db, "default", "fleet"))?.state.commit).toBe("c3");
    await hub.apply(source);
    await sweep();
    expect(await getFleetRecord(hub.db, "default", "fleet")).toBeUndefined();
  });
});
