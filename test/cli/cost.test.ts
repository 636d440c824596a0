import { describe, expect, it } from "vitest";
import { billOf, noCounts, NOT_COUNTED, type MeterView } from "#core/meter.ts";
import { fairlead, fixtureHub } from "./support.ts";

function hubOf(month: number | undefined) {
  const hub = fixtureHub();
  const asked: string[] = [];
  const total = { ...noCounts(), calls: 1_000_000, idlePolls: 990_000, bytesOut: 1e9 };
  const bill = billOf(total);
  const view: MeterView = {
    until: 1,
    clusters: 1_000,
    functions: [{ name: "agents", counts: total }],
    total,
    bill,
    usd: 0.29,
    ...(month === undefined ? {} : { usdPerClusterMonth: month }),
    prices: { date: "2026-11-21", region: "us-east-1" },
    notCounted: [...NOT_COUNTED],
  };
  hub.get("/v1/meter", (context) => {
    asked.push(context.req.query("days") ?? "");
    return context.json(view);
  });
  return { hub, asked };
}

describe("fairlead cost", () => {
  it("prints what was counted, each price, and the cost of a cluster's month; and what is not in it", async () => {
    const { hub, asked } = hubOf(0.0257);
    const { code, out, err } = await fairlead(hub, ["cost", "--days", "3"]);
    expect([code, asked]).toEqual([0, ["3"]]);
    expect(out).toMatch(/polls answered 304 +990000/);
    expect(out).toMatch(/calls of functions +1000000 calls +× \$2\.00e-7 +\$0\.200/);
    expect(out).toMatch(/bytes out +1 GBs +× \$0\.0900 +\$0\.0900/);
    expect(out).toMatch(/together +\$0\.290/);
    expect(err).toContain(
      "$0.0257 for each of 1000 clusters in 30 days like these; prices of us-east-1, 2026-11-21",
    );
    expect(err).toContain("not counted: storage");
  });

  it("says so while too little was seen, and gives programs the same as JSON", async () => {
    const { hub } = hubOf(undefined);
    expect((await fairlead(hub, ["cost"])).err).toContain("too little was seen yet");
    const json = await fairlead(hub, ["cost", "-o", "json"]);
    expect(JSON.parse(json.out)).toMatchObject({ clusters: 1_000, total: { idlePolls: 990_000 } });
  });

  it("refuses days that nobody keeps, before it asks", async () => {
    const { hub, asked } = hubOf(undefined);
    expect((await fairlead(hub, ["cost", "--days", "99"])).code).toBe(2);
    expect(asked).toEqual([]);
  });
});
