/** What `apply` and DELETE tell of placements that they take away, before and while they do it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deletingSchema } from "#core/view.ts";
import { assign } from "../../../functions/store/placement.ts";
import { getResource } from "../../../functions/store/resource.ts";
import { apiHub, ask, writes, type ApiHub } from "../../support/api-hub.ts";
import { apiToken } from "../../support/caller.ts";
import { app, applyTo, cluster, documents, source } from "./apply-documents.ts";

const NAMES = ["c1", "c2", "c3", "c4", "c5", "c6"];

let hub: ApiHub;

/** App `shop` of project `web` is on six clusters; `cart` is meant for them, and on none. */
beforeAll(async () => {
  hub = await apiHub();
  await hub.apply({ kind: "Project", metadata: { name: "web" } });
  const clusters = NAMES.map((name) => cluster(name, "env: prod"));
  await yaml(documents(source("fleet"), ...clusters, app("shop"), app("cart")));
  for (const name of NAMES)
    await assign(
      hub.db,
      "web",
      "shop",
      {
        cluster: name,
        action: "apply",
        order: "o".repeat(64),
        bundle: { digest: "b".repeat(64), size: 1 },
        epoch: 1,
        generation: 1,
        release: 1,
        carried: false,
        statement: "s",
      },
      hub.now(),
    );
}, 900_000);
afterAll(() => hub?.stop());

const yaml: ReturnType<typeof applyTo>["yaml"] = (...args) => applyTo(hub).yaml(...args);
const DRY = { query: "?dryRun=true" };
const shopOn = (count: number, first: string[], more: object = {}) => ({
  apps: [{ project: "web", app: "shop", clusters: { count, first }, objects: "deleted", over: [], ...more }],
  more: 0,
});
const SIX = shopOn(6, ["c1", "c2", "c3"], { over: ["6 clusters, the budget is clusters: 5"] });
const remove = async (path: string, token = hub.tokens.admin) => {
  const answer = await ask(hub.api, { method: "DELETE", url: `/v1/projects/web/${path}`, token });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? undefined : deletingSchema.parse(JSON.parse(text)) };
};

describe("apply", () => {
  it("tells what a narrower selector takes away, and that it waits for an approval", async () => {
    writes(hub);
    const none = "{ matchLabels: { env: none } }";
    expect(
      (await yaml(app("shop", `, clusters: ${none}`).replace("clusters: {}, ", ""), DRY)).vanish,
    ).toEqual(SIX);
    expect(writes(hub)).toEqual([]);
  });

  it("says nothing where nothing goes: an App that is nowhere, a wider selector, the same again", async () => {
    expect((await yaml(documents(app("shop"), app("cart"), cluster("c7")), DRY)).vanish).toBeUndefined();
    const narrow = app("cart", ", clusters: { matchLabels: { env: none } }").replace("clusters: {}, ", "");
    expect((await yaml(narrow, DRY)).vanish).toBeUndefined();
  });

  it("tells what --prune takes away, each App by itself", async () => {
    const query = "?dryRun=true&prune=team%3Dweb&pruneKinds=App";
    expect((await yaml(source("fleet"), { query })).vanish).toEqual(SIX);
  });

  it("tells what a label takes away, also while it does it", async () => {
    const some = ", clusters: { matchLabels: { env: prod } }";
    await yaml(app("shop", some).replace("clusters: {}, ", ""));
    const moved = cluster("c1", "env: test");
    expect((await yaml(moved, DRY)).vanish).toEqual(shopOn(1, ["c1"]));
    expect((await yaml(moved)).vanish).toEqual(shopOn(1, ["c1"]));
    await yaml(documents(cluster("c1", "env: prod"), app("shop")));
  });

  // What would break: labels that one may write would tell the names of Apps that one may not read.
  it("counts Apps that the caller may not read, and does not name them", async () => {
    const rules = [{ verbs: ["write", "deploy"], nouns: ["clusters", "projects"] }] as const;
    const token = await apiToken(hub.db, {
      project: "web",
      name: "labels",
      rules: rules.map(({ verbs, nouns }) => ({ verbs: [...verbs], nouns: [...nouns] })),
      now: hub.now(),
    });
    const prod = app("shop", ", clusters: { matchLabels: { env: prod } }").replace("clusters: {}, ", "");
    await yaml(prod);
    expect((await yaml(cluster("c1", "env: test"), { ...DRY, token })).vanish).toEqual({ apps: [], more: 1 });
    await yaml(app("shop"));
  });
});

describe("DELETE", () => {
  it("with dryRun tells what would go, and deletes nothing", async () => {
    writes(hub);
    expect(await remove("apps/shop?dryRun=true")).toEqual({
      status: 200,
      body: { deleting: false, vanish: SIX },
    });
    expect(await remove("clusters/c2?dryRun=true")).toEqual({
      status: 200,
      body: { deleting: false, vanish: shopOn(1, ["c2"], { objects: "forgotten" }) },
    });
    expect(writes(hub)).toEqual([]);
    expect((await getResource(hub.db, "App", "web", "shop"))?.deleting).toBe(false);
    expect(await getResource(hub.db, "Cluster", "web", "c2")).toBeDefined();
  });

  it("tells the same when it does it, and nothing of what leaves already", async () => {
    expect(await remove("apps/shop")).toEqual({ status: 202, body: { deleting: true, vanish: SIX } });
    expect((await remove("apps/shop?dryRun=true")).body).toEqual({ deleting: false });
    expect((await remove("apps/cart")).body).toEqual({ deleting: true });
  });
});
