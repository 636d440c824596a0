/**
 * Who of several replicas leads, decided from one Lease as it was seen. Times are of the looker's own clock alone: what
 * two machines take for now is never compared.
 */

export interface LeaseSight {
  /** Of the writing that was seen; each renewal has another one. */
  version: string;
  /** Empty: nobody. */
  holder: string;
  /** How long a writing holds. */
  heldMs: number;
  /** When this version was first seen. */
  sinceMs: number;
}

/** `take`: write our name over it, on condition that it is as it was seen. */
export type LeaseMove = "take" | "wait";

export function judgeLease(seen: LeaseSight | undefined, me: string, nowMs: number): LeaseMove {
  if (seen === undefined || seen.holder === "" || seen.holder === me) return "take";
  return nowMs - seen.sinceMs >= seen.heldMs ? "take" : "wait";
}

export interface LeaseTimes {
  /** A holder that was not heard of for so long has lost it. */
  leaseMs: number;
  renewMs: number;
  /** A holder that could not renew stops by then, well before another one may start. */
  deadlineMs: number;
  /** Between two looks of those that wait, and after a renewal that failed. */
  lookMs: number;
}

/** 24 s: renewed each 10 s, let go after 16.8 s, taken over 24 to 30 s after the last renewal. */
export function leaseTimes(leaseMs: number): LeaseTimes {
  return { leaseMs, renewMs: leaseMs * 0.42, deadlineMs: leaseMs * 0.7, lookMs: leaseMs * 0.2 };
}
