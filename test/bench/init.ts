/** Cold starts of the two functions that somebody waits for, as ratios to an empty handler's. */
import { measureColdStarts, type Start } from "../support/lambda/cold-start.ts";

const RUNS = 15;

export async function benchInit(): Promise<Record<string, string>> {
  const { starts, bytes } = await measureColdStarts(RUNS);
  const { empty } = starts;
  const told = (one: Start, size: number, most: number): string => {
    const [clock, cpu] = [one.ms / empty.ms, one.cpuMs / empty.cpuMs];
    const verdict = `at most ${most}${clock > most ? ": OVER" : ""}`;
    return `${clock.toFixed(2)} ×, ${verdict} (CPU ${cpu.toFixed(2)} ×; ${words(one)}; ${Math.round(size / 1000)} kB)`;
  };
  return {
    [`an empty handler, process start → first event, median of ${RUNS}`]: words(empty),
    "agents' endpoints": told(starts.agents, bytes.agents, 1.5),
    "people's API and page": told(starts.api, bytes.api, 2),
  };
}

function words({ ms, cpuMs }: Start): string {
  return `${ms.toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms`;
}
