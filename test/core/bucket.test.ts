/** The token bucket: never more than burst and rate allow, and a wait that is as long as it says. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { take, type Bucket, type Rate } from "#core/bucket.ts";

const rate: fc.Arbitrary<Rate> = fc.record({
  perSecond: fc.integer({ min: 1, max: 100 }),
  burst: fc.integer({ min: 1, max: 100 }),
});

describe("take", () => {
  it("lets the burst through at once, then waits for the rate", () => {
    const two = { perSecond: 2, burst: 2 };
    const first = take(undefined, two, 1, 0);
    const second = take(first.bucket, two, 1, 0);
    const third = take(second.bucket, two, 1, 0);
    expect([first.waitMs, second.waitMs, third.waitMs]).toEqual([0, 0, 500]);
    expect(take(third.bucket, two, 1, 500).waitMs).toBe(0);
  });

  it("never gives more than burst + rate × time, whatever the pauses, also when the clock goes back", () => {
    fc.assert(
      fc.property(rate, fc.array(fc.integer({ min: -500, max: 500 }), { maxLength: 300 }), (one, pauses) => {
        let bucket: Bucket | undefined;
        let [now, forward, given] = [1_000_000, 0, 0];
        for (const pause of pauses) {
          now += pause;
          forward += Math.max(0, pause);
          const taken = take(bucket, one, 1, now);
          bucket = taken.bucket;
          if (taken.waitMs === 0) given += 1;
        }
        expect(given).toBeLessThanOrEqual(one.burst + (forward / 1000) * one.perSecond + 1e-3);
      }),
    );
  });

  it("gives after exactly the wait that it named", () => {
    fc.assert(
      fc.property(rate, fc.integer({ min: 1, max: 300 }), (one, tries) => {
        let bucket: Bucket | undefined;
        for (let n = 0; n < tries + one.burst; n++) bucket = take(bucket, one, 1, 0).bucket;
        const { waitMs, bucket: empty } = take(bucket, one, 1, 0);
        expect(waitMs).toBeGreaterThan(0);
        expect(take(empty, one, 1, waitMs).waitMs).toBe(0);
      }),
    );
  });
});
