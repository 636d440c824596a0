import { describe, expect, it } from "vitest";
import { judgeLease, leaseTimes } from "#core/lease.ts";

const seen = { version: "7", holder: "a", heldMs: 24_000, sinceMs: 1_000 };

describe("judgeLease", () => {
  it("takes what is nobody's or one's own at once, and another's when its time is over", () => {
    expect(judgeLease(undefined, "b", 1_000)).toBe("take");
    expect(judgeLease({ ...seen, holder: "" }, "b", 1_000)).toBe("take");
    expect(judgeLease(seen, "a", 1_000)).toBe("take");
    expect(judgeLease(seen, "b", 24_999)).toBe("wait");
    expect(judgeLease(seen, "b", 25_000)).toBe("take");
  });
});

describe("leaseTimes", () => {
  it("renews once in ten seconds, and ends the old lead before a new one may begin", () => {
    const { renewMs, deadlineMs, leaseMs, lookMs } = leaseTimes(24_000);
    expect(renewMs).toBeGreaterThanOrEqual(10_000);
    // A renewal that fails is tried again before it is too late.
    expect(deadlineMs).toBeGreaterThan(renewMs * 1.1 + lookMs);
    expect(leaseMs - deadlineMs).toBeGreaterThan(5_000);
    expect(leaseMs + lookMs * 1.1).toBeLessThan(30_000);
  });
});
