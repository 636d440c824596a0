import { describe, expect, it } from "vitest";
import { NO_HOLD, withMarks } from "#core/hold.ts";

const NOW = Date.parse("2026-11-21T12:00:00Z");
const HOUR = 3_600_000;

describe("withMarks", () => {
  it("counts a duration from when it was written, so that a restart does not stretch it", () => {
    const marks = [{ app: "shop", text: "2h payday", at: NOW - HOUR }];
    expect(withMarks(NO_HOLD, marks, NOW).apps).toEqual({ shop: { until: NOW + HOUR, reason: "payday" } });
  });
  it("takes a time as well", () => {
    const marks = [{ app: "shop", text: "2026-11-21T18:00:00Z the big  sale" }];
    expect(withMarks(NO_HOLD, marks, NOW).apps).toEqual({
      shop: { until: NOW + 6 * HOUR, reason: "the big sale" },
    });
  });
  it("lets the longer of two count, and leaves other holds as they are", () => {
    const all = { until: NOW + 1, reason: "all" };
    const told = { all, apps: { shop: { until: NOW + 3 * HOUR, reason: "file" } } };
    const shorter = withMarks(told, [{ app: "shop", text: "1h mark" }], NOW);
    expect(shorter).toEqual(told);
    expect(withMarks(told, [{ app: "shop", text: "4h mark" }], NOW).apps["shop"]?.reason).toBe("mark");
  });
  it("holds only this App, for an hour, where nobody can read it", () => {
    for (const [text, why] of [
      ["soon x", "no duration such as 2h"],
      ["2h", "has no reason"],
      ["2030-01-01T00:00:00Z x", "more than 30 days"],
    ] as const) {
      const { all, apps } = withMarks(NO_HOLD, [{ app: "shop", text }], NOW);
      expect(all).toBeUndefined();
      expect(apps["shop"]?.until).toBe(NOW + HOUR);
      expect(apps["shop"]?.reason).toContain(why);
    }
  });
  it("tells the ten that last longest, as the hub takes no more", () => {
    const marks = Array.from({ length: 12 }, (_, index) => ({ app: `a${index}`, text: `${index + 1}h x` }));
    const { apps } = withMarks(NO_HOLD, marks, NOW);
    expect(Object.keys(apps)).toHaveLength(10);
    expect(apps["a0"]).toBeUndefined();
    expect(apps["a11"]).toBeDefined();
  });
});
