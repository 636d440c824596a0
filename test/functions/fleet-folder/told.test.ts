/** Where the faults of a fleet folder are seen: the page, `fairlead get`, and the API's Source. */
import { expect, it } from "vitest";
import { sourcesSection } from "../../../functions/dashboard/sources.ts";
import { fairlead, fixtureHub } from "../../cli/support.ts";
import { fleet, NOW, readState, source } from "../dashboard/fleet-fixture.ts";

const FAULT = "fleet/till.yaml: document 1, line 4: spec.nampespace: unknown field `nampespace`";
const folder = (errors: string[], errorsTotal: number) => {
  const { resource, ...rest } = source("fleet", readState);
  const state = { commit: "4f1c0de", applied: 3, errors, errorsTotal, at: NOW };
  return { ...rest, resource: { ...resource, spec: { ...resource.spec, apps: "fleet/" } }, fleet: state };
};

it("the page names each fault, says how many there are, and escapes them", async () => {
  const view = fleet({ sources: [folder([FAULT, "<script>"], 22)] });
  const html = String(await sourcesSection(view.sources, NOW));
  for (const part of ["22 faults", "document 1, line 4", "&lt;script&gt;", "and 20 more", "3", "fleet/"])
    expect(html).toContain(part);
  expect(html).not.toContain("<script>");
});

it("`fairlead get` counts them in a list, and tells them of one Source", async () => {
  const hub = fixtureHub();
  const items = [folder([FAULT], 1), source("plain", readState)];
  hub.get("/v1/projects/default/sources", (context) => context.json({ items }));
  hub.get("/v1/projects/default/sources/fleet", (context) => context.json(items[0]));
  const list = await fairlead(hub, ["get", "sources"]);
  expect([list.out, list.err]).toEqual([expect.stringContaining("3 resources, 1 fault"), ""]);
  const one = await fairlead(hub, ["get", "source", "fleet"]);
  expect([one.code, one.err]).toEqual([0, `${FAULT}\n`]);
  expect((await fairlead(hub, ["get", "source", "fleet", "-o", "json"])).err).toBe("");
});
