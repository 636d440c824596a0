/**
 * How often an address and a caller may ask. Kept in this instance's memory, so it is approximate: it holds back a loop
 * that ran wild, not an attack.
 */
import type { MiddlewareHandler } from "hono";
import { actorName } from "#core/actor.ts";
import { take, type Bucket, type Rate } from "#core/bucket.ts";
import { Problem } from "#core/problem.ts";
import type { ApiContext, ApiEnv, Caller } from "./caller.ts";
import type { ApiLimits } from "./limits.ts";
import { isAgain } from "./request.ts";

/** Above it, who asked longest ago is forgotten, and so has a full bucket. */
const BUCKETS_MAX = 10_000;

/** Before it is known who asks. */
export function limitAddress(limits: ApiLimits, now: () => number): MiddlewareHandler<ApiEnv> {
  const buckets = createBuckets(now);
  return async (context, next) => {
    if (isAgain(context)) return next();
    const key = keyOf(context, context.get("from") ?? "");
    refuseSoon(context, buckets.take(key, wider(rateOf(limits, context), limits)));
    return next();
  };
}

/** After it is known. */
export function limitCaller(limits: ApiLimits, now: () => number): MiddlewareHandler<ApiEnv> {
  const buckets = createBuckets(now);
  return async (context, next) => {
    const caller = context.get("caller") as Caller | undefined;
    // What is open to all has no caller: the style sheet of the page of signing in.
    if (isAgain(context) || caller === undefined) return next();
    const key = keyOf(context, actorName(caller.actor));
    refuseSoon(context, buckets.take(key, rateOf(limits, context)));
    return next();
  };
}

export function createBuckets(now: () => number) {
  const buckets = new Map<string, Bucket>();
  return {
    /** The time to wait, 0 when it was taken. */
    take(key: string, rate: Rate): number {
      const { bucket, waitMs } = take(buckets.get(key), rate, 1, now());
      // Deleted first, so that the map stays in the order of the last use.
      buckets.delete(key);
      buckets.set(key, bucket);
      const oldest = buckets.size > BUCKETS_MAX ? buckets.keys().next().value : undefined;
      if (oldest !== undefined) buckets.delete(oldest);
      return waitMs;
    },
  };
}

function isRead(context: ApiContext): boolean {
  return context.req.method === "GET" || context.req.method === "HEAD";
}

function keyOf(context: ApiContext, who: string): string {
  return `${isRead(context) ? "read" : "write"} ${who}`;
}

function rateOf(limits: ApiLimits, context: ApiContext): Rate {
  return isRead(context) ? limits.reads : limits.writes;
}

function wider({ perSecond, burst }: Rate, { perAddress }: ApiLimits): Rate {
  return { perSecond: perSecond * perAddress, burst: burst * perAddress };
}

/** Throws `too-many` where there is anything to wait for. */
export function refuseSoon(context: ApiContext, waitMs: number): void {
  if (waitMs === 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  context.header("retry-after", String(seconds));
  throw new Problem("too-many", `ask again in ${seconds} s`);
}
