/**
 * When a stage may move: inside an `allow` window where there are any, never inside a `deny` one. When windows start is
 * data here; a calendar with its time zones lives at the rim.
 */
export interface Window {
  kind: "allow" | "deny";
  forMs: number;
  /** The last start that is not after now, and the first one that is; absent: there is none. */
  lastStart?: number | undefined;
  nextStart?: number | undefined;
}

/** `until`: when it opens, as far as that is known. */
export interface WindowVerdict {
  open: boolean;
  until?: number | undefined;
}

/** Deny beats allow; without any `allow`, all time that is not denied is open. */
export function windowVerdict(windows: readonly Window[], now: number): WindowVerdict {
  const denied = windows.filter((window) => window.kind === "deny" && isIn(window, now));
  if (denied.length > 0) return { open: false, until: Math.max(...denied.map(endOf)) };
  const allow = windows.filter(({ kind }) => kind === "allow");
  if (allow.length === 0 || allow.some((window) => isIn(window, now))) return { open: true };
  const starts = allow.flatMap(({ nextStart }) => (nextStart === undefined ? [] : [nextStart]));
  return starts.length === 0 ? { open: false } : { open: false, until: Math.min(...starts) };
}

/** So many closed times may follow each other without a gap; beyond that nobody is told when it opens. */
const CLOSED_MAX = 100;

/** The first moment that is open, from a verdict that is not. */
export function firstOpening(
  verdictAt: (at: number) => WindowVerdict,
  closed: WindowVerdict,
): number | undefined {
  let { until } = closed;
  for (let steps = 0; steps < CLOSED_MAX && until !== undefined; steps++) {
    const verdict = verdictAt(until);
    if (verdict.open) return until;
    until = verdict.until;
  }
  return undefined;
}

function isIn({ lastStart, forMs }: Window, now: number): boolean {
  return lastStart !== undefined && now < lastStart + forMs;
}

function endOf({ lastStart = 0, forMs }: Window): number {
  return lastStart + forMs;
}
