/** Cold starts under Lambda's own runtime client. Ratios of processor time, with room: the machine may be busy. */
import { expect, it } from "vitest";
import { measureColdStarts } from "../../support/lambda/cold-start.ts";

const RUNS = 7;
/** What was measured is in `docs/cost.md`; whoever imports a library at the top of a route meets these. */
const AGENTS_TIMES_MAX = 5;
const API_TIMES_MAX = 7.5;

it("a function that starts and answers its first request costs some times an empty one, and no more", async () => {
  const { empty, agents, api } = (await measureColdStarts(RUNS)).starts;
  expect(agents.asks.cpuMs / empty.asks.cpuMs).toBeLessThan(AGENTS_TIMES_MAX);
  expect(api.asks.cpuMs / empty.asks.cpuMs).toBeLessThan(API_TIMES_MAX);
}, 900_000);
