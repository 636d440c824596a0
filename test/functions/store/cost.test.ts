/** The cost table of the design, held as a test: a path that becomes dearer fails here first. */
import { beforeAll, describe, expect, it } from "vitest";
import { measureCosts, sum, type Costs } from "../../support/costs.ts";

let costs: Costs;
beforeAll(async () => {
  costs = await measureCosts();
}, 900_000);

describe("the table's cost", () => {
  it("of an idle poll is one read of half a unit, no write, and less than 1 KiB of HTTP", () => {
    expect(costs.idleStatus).toBe(304);
    expect(costs.idlePoll).toEqual({ get: 0.5 });
    expect(costs.idleBytes).toBeLessThan(1024);
  });

  it("of a heartbeat is one write unit", () => {
    expect(costs.heartbeat).toEqual({ update: 1 });
  });

  it("of assigning one placement is at most four write units", () => {
    expect(sum(costs.assignment)).toBeLessThanOrEqual(4);
  });

  it("of one report of one changed placement is one write unit, beside one for the heartbeat each minute", () => {
    expect(costs.report).toEqual({ update: 1 });
  });
});
