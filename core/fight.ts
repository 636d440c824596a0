/**
 * Two hands on one field: an object that is restored again and again within a minute is left to the other for a while,
 * longer each time, and taken up again at once when the other is quiet.
 */

const WINDOW_MS = 60_000;
/** So many restores in a minute are healing; one more is a fight. */
const RESTORES_MAX = 5;
const REST_MIN_MS = 10_000;
const REST_MAX_MS = 10 * 60_000;

export interface Bout {
  /** Times of the newest restores, within the window. */
  restores: readonly number[];
  /** Rests taken so far; 0 is no fight. */
  rests: number;
  restUntil: number;
}

/** After one more restore, at `now`. */
export function afterRestore(bout: Bout | undefined, now: number): Bout {
  const held = bout === undefined || isOver(bout, now) ? { restores: [], rests: 0, restUntil: 0 } : bout;
  const restores = [...held.restores.filter((at) => now - at < WINDOW_MS), now].slice(-RESTORES_MAX - 1);
  if (held.rests === 0 && restores.length <= RESTORES_MAX) return { ...held, restores };
  const rests = held.rests + 1;
  return { restores, rests, restUntil: now + Math.min(REST_MAX_MS, REST_MIN_MS * 2 ** (rests - 1)) };
}

/** True when nothing was restored for a minute after the last rest: whoever it was has stopped. */
export function isOver(bout: Bout, now: number): boolean {
  const last = bout.restores.at(-1) ?? 0;
  return now >= Math.max(last, bout.restUntil) + WINDOW_MS;
}

export function isResting(bout: Bout | undefined, now: number): boolean {
  return bout !== undefined && now < bout.restUntil;
}

/** When something is to be looked at: the end of a rest, or of the bout. */
export function nextLookAt(bout: Bout, now: number): number {
  return now < bout.restUntil
    ? bout.restUntil
    : Math.max(bout.restores.at(-1) ?? 0, bout.restUntil) + WINDOW_MS;
}
