/** Lists that come in pages: the CLI reads them to their end, and no further than it should. */
import { describe, expect, it } from "vitest";
import { busyFleet } from "../functions/dashboard/fleet-fixture.ts";
import { fairlead, fixtureHub } from "./support.ts";

describe("a list of several pages", () => {
  const { clusters } = busyFleet();

  it("is shown whole, each page asked for by the cursor of the one before", async () => {
    const hub = fixtureHub();
    const asked: (string | undefined)[] = [];
    hub.get("/v1/projects/default/clusters", (context) => {
      const cursor = context.req.query("cursor");
      asked.push(cursor);
      const at = Number(cursor ?? 0);
      const next = at + 3 < clusters.length ? { next: String(at + 3) } : {};
      return context.json({ items: clusters.slice(at, at + 3), ...next });
    });
    const { code, out } = await fairlead(hub, ["get", "clusters", "-o", "json"]);
    expect([code, JSON.parse(out)]).toEqual([0, JSON.parse(JSON.stringify(clusters))]);
    expect(asked).toEqual([undefined, "3", "6"]);
  });

  it("that never ends is given up, with a way out", async () => {
    const hub = fixtureHub();
    hub.get("/v1/projects/default/clusters", (context) => context.json({ items: [], next: "again" }));
    const { code, err } = await fairlead(hub, ["get", "clusters"]);
    expect(code).not.toBe(0);
    expect(err).toContain("does not end within 1000 pages");
  });
});
