/** Cold starts of the two functions that somebody waits for, as ratios to an empty handler's. */
import { measureColdStarts, type Start } from "../support/lambda/cold-start.ts";
import type { Spent } from "../support/lambda/runtime.ts";

const RUNS = 15;

export async function benchInit(): Promise<Record<string, string>> {
  const { starts, bytes } = await measureColdStarts(RUNS);
  const { empty } = starts;
  const asks = ({ asks }: Start, most: number): string => {
    const clock = asks.ms / empty.asks.ms;
    return `${times(asks, empty.asks)}, at most ${most}${clock > most ? ": OVER" : ""}`;
  };
  return {
    [`an empty handler, start → first event, median of ${RUNS}`]: words(empty.asks),
    "an empty handler, start → first answer": words(empty.answers),
    "agents' endpoints, start → first event": asks(starts.agents, 1.5),
    "agents' endpoints, start → answer to an idle poll": times(starts.agents.answers, empty.answers),
    "people's API and page, start → first event": asks(starts.api, 2),
    "people's API and page, start → answer to GET /v1/projects": times(starts.api.answers, empty.answers),
    "read to start": `agents' endpoints ${kB(bytes.agents)}, people's API ${kB(bytes.api)}`,
  };
}

function times(spent: Spent, empty: Spent): string {
  const [clock, cpu] = [spent.ms / empty.ms, spent.cpuMs / empty.cpuMs];
  return `${clock.toFixed(2)} × by the clock, ${cpu.toFixed(2)} × by processor time (${words(spent)})`;
}

function words({ ms, cpuMs }: Spent): string {
  return `${ms.toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms`;
}

function kB(bytes: number): string {
  return `${Math.round(bytes / 1000)} kB`;
}
