/**
 * Units of the table for each path, as the engine counts them, beside the limits of the design. Whole rollouts are of
 * 28,800 placements, one cluster at a time and many; `FAIRLEAD_BENCH_FLEETS="50 150"` makes them smaller.
 */
import { measureCosts, sum } from "../support/costs.ts";
import { rolloutCosts, sweepCosts, totalOf, type RolloutCost } from "../support/rollout-costs.ts";

const FLEETS = (process.env["FAIRLEAD_BENCH_FLEETS"] ?? "50 150 500 1500 5000").split(" ").map(Number);
const MAX_UNAVAILABLE = ["1", "1%", "10%", "20%"];
const FLAT = 0.15;

export async function benchTable(): Promise<Record<string, string>> {
  return { ...(await paths()), ...(await sweeps()), ...(await rollouts()) };
}

async function paths(): Promise<Record<string, string>> {
  const { idlePoll, heartbeat, assignment, report, idleBytes } = await measureCosts();
  const units = (of: Record<string, number>, most: number): string => {
    const parts = Object.entries(of).map(([operation, one]) => `${operation} ${one}`);
    return `${verdict(sum(of), most)} (${parts.join(", ")})`;
  };
  return {
    "idle poll (304), read units": units(idlePoll, 0.5),
    "idle poll (304), bytes of the whole HTTP exchange": verdict(idleBytes, 1023),
    "heartbeat, write units": units(heartbeat, 1),
    "assigning one placement, write units": units(assignment, 4),
    "one report of one changed placement, write units": units(report, 1),
  };
}

function verdict(measured: number, most: number): string {
  return `${measured}, at most ${most}${measured > most ? ": OVER" : ""}`;
}

async function sweeps(): Promise<Record<string, string>> {
  const { first, further } = await sweepCosts();
  return {
    "sweep of a project at rest, read units": `${first} with one App, ${further} for each further one`,
  };
}

async function rollouts(): Promise<Record<string, string>> {
  const costs: RolloutCost[] = [];
  for (const clusters of FLEETS) costs.push(...(await rolloutCosts(clusters, MAX_UNAVAILABLE)));
  const lines = costs.map((cost): [string, string] => [
    `rollout, ${cost.clusters} clusters, ${cost.maxUnavailable}: units per placement`,
    words(cost),
  ]);
  return { ...Object.fromEntries(lines), "rollout, from cheapest to dearest": spread(costs) };
}

function words(cost: RolloutCost): string {
  const { release, assign, reports, ticks, looks } = cost;
  const part = (name: string, units: number): string => `${name} ${units.toFixed(2)}`;
  const parts = [
    part("release", release),
    part("assign", assign),
    part("reports", reports),
    part("ticks", ticks),
  ];
  return `${totalOf(cost).toFixed(2)} (${parts.join(", ")}; ${looks} looks)`;
}

function spread(costs: readonly RolloutCost[]): string {
  const all = costs.map(totalOf);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const mean = (least + most) / 2;
  const flat = most <= mean * (1 + FLAT) && least >= mean * (1 - FLAT);
  return `${least.toFixed(2)} to ${most.toFixed(2)}: ${flat ? "flat" : "NOT flat"} within ±${FLAT * 100} %`;
}
