/** Cold starts under Lambda's own runtime client. Ratios of processor time, with room: the machine may be busy. */
import { expect, it } from "vitest";
import { measureColdStarts } from "../../support/lambda/cold-start.ts";

const RUNS = 7;
/** What was measured is in `docs/cost.md`; whoever imports a library at the top of a route meets these. */
const TIMES_MAX = { agents: { asks: 4, answers: 7.5 }, api: { asks: 7.5, answers: 12 } };

it("a function that starts and answers its first request costs some times an empty one, and no more", async () => {
  const { empty, agents, api } = (await measureColdStarts(RUNS)).starts;
  expect(agents.asks.cpuMs / empty.asks.cpuMs).toBeLessThan(TIMES_MAX.agents.asks);
  expect(agents.answers.cpuMs / empty.answers.cpuMs).toBeLessThan(TIMES_MAX.agents.answers);
  expect(api.asks.cpuMs / empty.asks.cpuMs).toBeLessThan(TIMES_MAX.api.asks);
  expect(api.answers.cpuMs / empty.answers.cpuMs).toBeLessThan(TIMES_MAX.api.answers);
}, 900_000);
