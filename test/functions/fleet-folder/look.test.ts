/** The event of a new commit: the folder first, then the Apps that it brought; and the sweep, when the event was lost. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { lookFor, sweepApps } from "../../../functions/release/look-apps.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { configMaps, cluster, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

let hub: HubParts;
beforeAll(async () => {
  hub = await hubParts();
  await hub.apply({ ...source, spec: { ...source.spec, apps: "fleet/" } }, cluster("a"));
}, 900_000);
afterAll(() => hub?.stop());

const appText = (name: string) =>
  `apiVersion: fairlead.dev/v1\nkind: App\nmetadata: { name: ${name} }\nspec: { source: fleet, path: apps, clusters: {} }\n`;

it("releases an App with the very event that brings it", async () => {
  await hub.commit("c1", { "fleet/shop.yaml": appText("shop"), ...configMaps("one") });
  await lookFor(hub, {
    type: "source.changed",
    detail: { project: "default", source: "fleet", commit: "c1" },
  });
  expect(await getAppRecord(hub.db, "default", "shop")).toMatchObject({ release: 1, commit: "c1" });
});

it("comes to the same by the sweep alone", async () => {
  await hub.commit("c2", {
    "fleet/shop.yaml": appText("shop"),
    "fleet/till.yaml": appText("till"),
    ...configMaps("two"),
  });
  await sweepApps(hub);
  expect(await getAppRecord(hub.db, "default", "till")).toMatchObject({ release: 1, commit: "c2" });
  expect(await getAppRecord(hub.db, "default", "shop")).toMatchObject({ release: 2, commit: "c2" });
});
