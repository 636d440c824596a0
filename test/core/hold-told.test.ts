/** When a cluster's own "not now" is told to its hub, which keeps no number of a word that changed nothing. */
import { describe, expect, it } from "vitest";
import { NO_HOLD, wordDue, type Told } from "#core/hold.ts";

const HOUR = 3_600_000;
const held = { all: { until: 9 * HOUR, reason: "payday" }, apps: {} };
const told = (hold: Told["hold"], again = false): Told => ({ hold, at: 0, again });

describe("wordDue", () => {
  it("tells news at once: at the start, and whenever it is another word", () => {
    expect(wordDue(undefined, NO_HOLD, 1)).toBe("news");
    expect(wordDue(told(NO_HOLD, true), held, 1)).toBe("news");
    expect(wordDue(told(held), NO_HOLD, 1)).toBe("news");
  });

  it("tells a hold each hour, however often it was told", () => {
    expect(wordDue(told(held), held, HOUR - 1)).toBeUndefined();
    expect(wordDue(told(held), held, HOUR)).toBe("again");
    expect(wordDue(told(held, true), held, HOUR)).toBe("again");
  });

  it("tells once more that nothing holds, and then no more: the hold that it ended may have come after it", () => {
    expect(wordDue(told({ apps: {} }), NO_HOLD, HOUR - 1)).toBeUndefined();
    expect(wordDue(told(NO_HOLD), { apps: {} }, HOUR)).toBe("again");
    expect(wordDue(told(NO_HOLD, true), NO_HOLD, 99 * HOUR)).toBeUndefined();
  });
});
