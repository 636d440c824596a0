/** One commit is told of by an event, by its repeat and by the sweep, often at the same moment. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { inTurn } from "../../../functions/release/in-turn.ts";
import { lookFor, sweepApps } from "../../../functions/release/look-apps.ts";
import type { ReleaseDeps } from "../../../functions/release/look.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

let hub: HubParts;
beforeAll(async () => {
  hub = await hubParts();
  await hub.apply(source, app(), cluster("a"), cluster("b"));
}, 900_000);
afterAll(() => hub?.stop());

it("renders and signs a commit once, however many looks begin at the same time", async () => {
  const counts = { renders: 0, signatures: 0 };
  const deps: ReleaseDeps = {
    ...hub,
    renderer: {
      ...hub.renderer,
      render: (request) => {
        counts.renders += 1;
        return hub.renderer.render(request);
      },
    },
    signer: {
      ...hub.signer,
      sign: (statement) => {
        counts.signatures += 1;
        return hub.signer.sign(statement);
      },
    },
  };
  await hub.commit("c1", configMaps("one"));
  const event = {
    type: "source.changed",
    detail: { project: "default", source: "fleet", commit: "c1" },
  } as const;
  await Promise.all([
    lookFor(deps, event),
    lookFor(deps, event),
    sweepApps(deps),
    lookFor(deps, { type: "app.changed", detail: { project: "default", app: "shop" } }),
  ]);
  expect(await getAppRecord(hub.db, "default", "shop")).toMatchObject({ release: 1, commit: "c1" });
  expect(counts).toEqual({ renders: 1, signatures: 2 });
});

it("lets the next one begin when the one before has ended, well or not, and others of another name at once", async () => {
  const owner = {};
  const said: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = inTurn(owner, "one", async () => {
    said.push("first");
    await gate.promise;
    throw new Error("broken");
  });
  const second = inTurn(owner, "one", async () => void said.push("second"));
  await inTurn(owner, "other", async () => void said.push("other"));
  await inTurn({}, "one", async () => void said.push("another's"));
  expect(said).toEqual(["first", "other", "another's"]);
  gate.resolve();
  await expect(first).rejects.toThrow("broken");
  await second;
  expect(said.at(-1)).toBe("second");
});
