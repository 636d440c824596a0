/** What a request may take: bytes of body by route, time, and how often who may ask. Each limit stands in its refusal. */
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Rate } from "#core/bucket.ts";
import { IMPORT_BODY_BYTES_MAX } from "#core/export.ts";
import { APPLY_BODY_BYTES_MAX, PLAN_BODY_BYTES_MAX, WEBHOOK_BODY_BYTES_MAX } from "#core/limits.ts";
import { Problem } from "#core/problem.ts";
import type { ApiEnv } from "./caller.ts";
import { answer } from "./errors.ts";

export interface ApiLimits {
  timeMs: number;
  /** Of one caller, in each instance's memory; an address, which may be many callers, has `perAddress` times as much. */
  reads: Rate;
  writes: Rate;
  perAddress: number;
  /** Requests that wait for a change at the same time. */
  waiting: number;
}

export const API_LIMITS: ApiLimits = {
  timeMs: 25_000,
  reads: { perSecond: 50, burst: 500 },
  writes: { perSecond: 20, burst: 200 },
  perAddress: 4,
  waiting: 200,
};

const BODY_BYTES_MAX = 64 * 1024;
/** Routes that take more. */
const LARGE_BODIES: readonly (readonly [path: RegExp, bytes: number])[] = [
  [/^\/v1\/apply/, APPLY_BODY_BYTES_MAX],
  [/^\/v1\/webhooks\//, WEBHOOK_BODY_BYTES_MAX],
  [/^\/v1\/import/, IMPORT_BODY_BYTES_MAX],
  [/^\/v1\/projects\/[^/]+\/apps\/[^/]+\/plan$/, PLAN_BODY_BYTES_MAX],
];
/** Looking at a repository, rendering, and the whole hub at once, take as long as they take. */
const SLOW = /^\/v1\/(projects\/[^/]+\/(sources\/[^/]+\/sync|apps\/[^/]+\/plan)|export|import)$/;
const SLOW_MS_MAX = 110_000;

/** Refuses by `content-length` before a byte is read, else as soon as too many came. */
export function bodyLimits(): MiddlewareHandler<ApiEnv> {
  const limits = new Map<number, MiddlewareHandler>();
  return (context, next) => {
    const bytes = LARGE_BODIES.find(([path]) => path.test(context.req.path))?.[1] ?? BODY_BYTES_MAX;
    const limit = limits.get(bytes) ?? bodyLimitOf(bytes);
    limits.set(bytes, limit);
    return limit(context, next);
  };
}

function bodyLimitOf(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: (context) =>
      answer(context, new Problem("too-large", `the limit of this route is ${maxSize} bytes`)),
  });
}

/** What runs on behind a refusal is not stopped: a write may still be done, and the answer says so. */
export function timeLimit({ timeMs }: ApiLimits): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const limitMs = SLOW.test(context.req.path) ? Math.max(SLOW_MS_MAX, timeMs) : timeMs;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), limitMs);
    });
    const first = await Promise.race([next().then(() => "done" as const), late]);
    clearTimeout(timer);
    if (first === "done") return;
    context.header("retry-after", "5");
    throw new Problem(
      "not-ready",
      `not done within ${limitMs} ms; a change may still be made: look before you ask again`,
    );
  };
}
