import { describe, expect, it } from "vitest";
import { billOf, noCounts, sumOf, usdPerClusterMonth } from "#core/meter.ts";
import { PRICES } from "#core/prices.ts";

describe("billOf", () => {
  it("multiplies what was counted by the list's prices", () => {
    const counts = { ...noCounts(), calls: 1_000_000, mbMs: 512 * 2_000, readUnits: 4, writeUnits: 3 };
    const bill = billOf({ ...counts, bytesOut: 2e9, logBytes: 1e9 });
    expect(bill.map(({ item, quantity, usd }) => [item, quantity, usd])).toEqual([
      ["calls of functions", 1_000_000, 1_000_000 * PRICES.lambdaRequest],
      ["their time", 1, PRICES.lambdaGbSecond],
      ["reads of the table", 4, 4 * PRICES.readUnit],
      ["writes of the table", 3, 3 * PRICES.writeUnit],
      ["bytes out", 2, 2 * PRICES.outGb],
      ["logs", 1, PRICES.logGb],
    ]);
  });

  it("counts no request twice: what kind it was has no price of its own", () => {
    const kinds = { idlePolls: 5, fetches: 5, heartbeats: 5, reports: 5, bundles: 5, people: 5 };
    expect(billOf(sumOf([kinds])).every(({ usd }) => usd === 0)).toBe(true);
  });
});

describe("usdPerClusterMonth", () => {
  const hour = 3_600_000;
  it("extends what was seen to 30 days, and shares it", () => {
    expect(usdPerClusterMonth(1, { since: 0, until: 720 * hour, clusters: 10 })).toBeCloseTo(0.1);
    expect(usdPerClusterMonth(1, { since: 0, until: 72 * hour, clusters: 10 })).toBeCloseTo(1);
  });

  it("says nothing of a month after a minute, before anything was written, or without clusters", () => {
    expect(usdPerClusterMonth(1, { since: 0, until: 60_000, clusters: 1 })).toBeUndefined();
    expect(usdPerClusterMonth(1, { since: undefined, until: hour, clusters: 1 })).toBeUndefined();
    expect(usdPerClusterMonth(1, { since: 0, until: hour, clusters: 0 })).toBeUndefined();
  });
});
