/** Units of the table for each path, as the engine counts them. */
import { measureCosts, sum } from "../support/costs.ts";

export async function benchTable(): Promise<Record<string, string>> {
  const { idlePoll, heartbeat, assignment, report, idleBytes } = await measureCosts();
  const units = (of: Record<string, number>): string =>
    `${sum(of)} (${Object.entries(of)
      .map(([operation, one]) => `${operation} ${one}`)
      .join(", ")})`;
  return {
    "idle poll (304), read units": units(idlePoll),
    "idle poll (304), bytes of the whole HTTP exchange": String(idleBytes),
    "heartbeat, write units": units(heartbeat),
    "assigning one placement, write units": units(assignment),
    "one report of one changed placement, write units": units(report),
  };
}
