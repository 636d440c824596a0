/** A commit that touches nothing an App reads costs no render, and is noted all the same. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { look } from "../../../functions/release/look.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

let hub: HubParts;
let renders = 0;

beforeAll(async () => {
  hub = await hubParts();
  await hub.apply(source, app(), cluster("a"), cluster("b"));
}, 900_000);
afterAll(() => hub?.stop());

const lookAt = async (commit: string, files: Record<string, string>) => {
  await hub.commit(commit, files);
  renders = 0;
  const renderer = {
    ...hub.renderer,
    render: (request: Parameters<typeof hub.renderer.render>[0]) => {
      renders += 1;
      return hub.renderer.render(request);
    },
  };
  return look({ ...hub, renderer }, "default", "shop");
};
const SHOP = configMaps("one", "two");

describe("look", () => {
  it("renders the first commit, and the next only where it changes what was read", async () => {
    expect(await lookAt("c1", { ...SHOP, "README.md": "a" })).toEqual({ kind: "released", release: 1 });
    expect(renders).toBe(1);

    expect(await lookAt("c2", { ...SHOP, "README.md": "b", "other/app/x.yaml": "x: y" })).toEqual({
      kind: "nothing",
    });
    expect(renders).toBe(0);
    expect(await getAppRecord(hub.db, "default", "shop")).toMatchObject({ commit: "c2", release: 1 });

    expect(await lookAt("c3", { ...configMaps("one", "three"), "README.md": "b" })).toEqual({
      kind: "released",
      release: 2,
    });
    expect(renders).toBe(1);
  });

  it("renders where something else is new too: another cluster, another Policy, an edited App", async () => {
    await hub.apply(cluster("c"));
    expect(await lookAt("c4", { ...configMaps("one", "three"), "README.md": "c" })).toEqual({
      kind: "released",
      release: 3,
    });
    await hub.apply({
      kind: "Policy",
      metadata: { name: "p" },
      spec: { mode: "warn", validations: [{ expression: "false", message: "no" }] },
    });
    expect(await lookAt("c5", { ...configMaps("one", "three"), "README.md": "d" })).toEqual({
      kind: "nothing",
    });
    expect(renders).toBe(1);
    expect(await getAppRecord(hub.db, "default", "shop")).toMatchObject({
      commit: "c5",
      warnings: { total: 2 },
    });
  });

  it("keeps what was found beside: warnings stay through commits that touch nothing", async () => {
    expect(await lookAt("c6", { ...configMaps("one", "three"), "README.md": "e" })).toEqual({
      kind: "nothing",
    });
    expect(renders).toBe(0);
    expect(await getAppRecord(hub.db, "default", "shop")).toMatchObject({
      commit: "c6",
      warnings: { total: 2 },
    });
  });

  it("renders again after a failure, whatever was touched", async () => {
    expect(await lookAt("c7", { "apps/all.yaml": "not: [yaml" })).toMatchObject({ kind: "failed" });
    expect(await lookAt("c8", { ...configMaps("one", "three") })).toEqual({ kind: "nothing" });
    expect(renders).toBe(1);
    expect((await getAppRecord(hub.db, "default", "shop"))?.error).toBeUndefined();
  });
});
