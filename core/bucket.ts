/**
 * A token bucket: so many at once, so many a second on average. Plain data in, plain data out; who keeps the buckets
 * and where decides how exact a limit is.
 */
export interface Rate {
  perSecond: number;
  burst: number;
}

export interface Bucket {
  left: number;
  at: number;
}

export interface Taken {
  bucket: Bucket;
  /** 0: it was taken. Else nothing was, and this is the time until it could be. */
  waitMs: number;
}

/** What adding up fractions of seconds may lose: the wait that was named must be enough. */
const SLACK = 1e-6;

/** `bucket` undefined is a full one. A clock that goes back fills nothing. */
export function take(
  bucket: Bucket | undefined,
  { perSecond, burst }: Rate,
  cost: number,
  now: number,
): Taken {
  const before = bucket ?? { left: burst, at: now };
  const grown = (Math.max(0, now - before.at) / 1000) * perSecond;
  const left = Math.min(burst, before.left + grown);
  if (left + SLACK >= cost) return { bucket: { left: Math.max(0, left - cost), at: now }, waitMs: 0 };
  return { bucket: { left, at: now }, waitMs: Math.ceil(((cost - left) / perSecond) * 1000) };
}
