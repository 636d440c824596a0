/** Staging is healthy, so its release comes to production: commit, Source, release and cluster, on real parts in one process. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { listOf, promotionViewSchema, rolloutSchema } from "#core/view.ts";
import type { LocalHub } from "../../functions/local/hub.ts";
import { smallFleet, type SmallFleet } from "../support/small-fleet.ts";
import { until } from "../support/wait.ts";

const apiVersion = "fairlead.dev/v1";
let fleet: SmallFleet;
let hub: LocalHub;

beforeAll(async () => {
  fleet = await smallFleet(["staging", "prod"]);
  hub = await fleet.open("hub");
}, 600_000);
afterAll(() => fleet?.stop());

const greeting = (text: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: greeting }\ndata: { text: ${text} }\n`;
const appOf = (env: string) => ({
  apiVersion,
  kind: "App",
  metadata: { name: `shop-${env}` },
  spec: {
    source: "fleet",
    path: `apps/shop/${env}`,
    namespace: "shop",
    clusters: { matchLabels: { env } },
  },
});
const promotion = {
  apiVersion,
  kind: "Promotion",
  metadata: { name: "shop-prod" },
  spec: {
    from: { app: "shop-staging" },
    soak: "1s",
    to: { source: "fleet", path: "apps/shop/prod" },
    change: { copy: ["apps/shop/staging/**"] },
    by: "commit",
    host: { kind: "git" },
  },
};

it("brings a release that soaked in staging to production by a commit", async () => {
  await fleet.apply(hub);
  await fleet.call(hub, "DELETE", "/v1/projects/default/apps/shop");
  await fleet.tree.push(
    { "apps/shop/staging/map.yaml": greeting("new"), "apps/shop/prod/map.yaml": greeting("old") },
    "Two environments",
  );
  const applied = await fleet.call(hub, "POST", "/v1/apply", {
    resources: [appOf("staging"), appOf("prod"), promotion],
  });
  expect([applied.status, await applied.text()]).toMatchObject([200, expect.any(String)]);
  await fleet.startAll(hub);
  const landed = await until("the promotion", async () => {
    const path = "/v1/projects/default/promotions/shop-prod";
    const { state } = await fleet.read(hub, path, promotionViewSchema);
    if (state?.kind === "current") return state;
    throw new Error(`is ${JSON.stringify(state)}; ${fleet.said()}`);
  });
  await until("production's rollout of that commit", async () => {
    const path = "/v1/projects/default/apps/shop-prod/rollouts";
    const { items } = await fleet.read(hub, path, listOf(rolloutSchema));
    const found = items.find(({ commit }) => commit === landed.commit);
    if (found?.state.kind !== "succeeded") throw new Error(`is ${JSON.stringify(found?.state)}`);
    return found;
  });
  expect(await fleet.greeting("prod")).toBe("new");
  expect((await fleet.cli(hub, "get", "promotions")).out).toContain("current");
}, 300_000);
