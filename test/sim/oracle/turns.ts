/**
 * Whose turn may not come: of a cluster that is held or waits for another App, or of a stage whose windows are closed, as far
 * as the hub could know.
 */
import { inStageOf, type CalendarWindow } from "#core/rollout.ts";
import { OLD_MS, SKEW_MS, type Checks } from "./checks.ts";
import { madeAs, type Entry } from "./ledger.ts";

const MINUTE = 60_000;

/** Of a rank that is released now, by a function that began at `since`. Undefined: it may move. */
export function wrongTurn(oracle: Checks, entry: Entry, rank: number, since: number): string | undefined {
  const { stages, app, windows, dependsOn } = madeAs(entry);
  const { cluster = "", action } = entry.targets[rank] ?? {};
  const waits = dependsOn !== undefined && action === "apply";
  if (waits && oracle.needs?.isMissingSince(cluster, since - OLD_MS) === true)
    return `before ${dependsOn.join(", ")} is healthy there`;
  if (oracle.facts.wasHeldSince(cluster, app, since - OLD_MS, SKEW_MS)) return "while it is held";
  const stage = stages.find((one) => inStageOf(one, rank));
  const wasSkipped = oracle.told.some(
    ({ release, command }) => release === entry.release && command === "skip-stage",
  );
  const inForce = stage?.windows ?? windows ?? [];
  if (wasSkipped || inForce.length === 0) return undefined;
  for (let at = since - SKEW_MS; at < oracle.now() + SKEW_MS; at += MINUTE / 10)
    if (isOpen(inForce, at)) return undefined;
  return isOpen(inForce, oracle.now() + SKEW_MS)
    ? undefined
    : `outside of the windows of stage ${stage?.name ?? ""}`;
}

/** By the minute, without a calendar: every window here starts at each so many minutes of the hour. */
function isOpen(windows: readonly CalendarWindow[], at: number): boolean {
  const isIn = ({ cron, forMs }: CalendarWindow): boolean => {
    const every = Number(/^\*\/(\d+) \* \* \* \*$/.exec(cron)?.[1]) * MINUTE;
    return at % every < forMs;
  };
  const allow = windows.filter(({ kind }) => kind === "allow");
  if (windows.some((one) => one.kind === "deny" && isIn(one))) return false;
  return allow.length === 0 || allow.some(isIn);
}
