/**
 * Waiting for a change: `Prefer: wait=N` with `If-None-Match`. The first 304 is held back while the request is evaluated
 * again and again, its rights included, until the ETag differs or the time is up. Only where nobody pays by the second:
 * in the local server.
 */
import type { Hono, MiddlewareHandler } from "hono";
import { Problem } from "#core/problem.ts";
import type { ApiContext, ApiEnv } from "./caller.ts";
import type { ApiLimits } from "./limits.ts";
import { envAgain, isAgain } from "./request.ts";

const WAIT_SECONDS_MAX = 20;
const LOOK_EVERY_MS = 500;
const RETRY_AFTER_SECONDS = 5;

export function watch(app: Pick<Hono<ApiEnv>, "fetch">, { waiting }: ApiLimits): MiddlewareHandler<ApiEnv> {
  let now = 0;
  return async (context, next) => {
    await next();
    const seconds = waitSeconds(context);
    if (context.res.status !== 304 || seconds === 0 || isAgain(context)) return;
    if (now >= waiting) {
      context.header("retry-after", String(RETRY_AFTER_SECONDS));
      throw new Problem("too-many", `${waiting} requests wait for a change already: ask without \`Prefer\``);
    }
    now += 1;
    try {
      const changed = await untilChanged(app, context, seconds * 1000);
      // First taken away: what is put in its place would inherit its ETag.
      if (changed !== undefined) {
        context.res = undefined;
        context.res = changed;
      }
    } finally {
      now -= 1;
    }
    context.header("preference-applied", `wait=${seconds}`);
  };
}

/** 0 where the request does not wait. */
function waitSeconds(context: ApiContext): number {
  if (context.req.header("if-none-match") === undefined) return 0;
  const asked = /(?:^|[,\s])wait=(\d{1,6})(?:$|[;,\s])/i.exec(context.req.header("prefer") ?? "")?.[1];
  return Math.min(Number(asked ?? 0), WAIT_SECONDS_MAX);
}

async function untilChanged(
  app: Pick<Hono<ApiEnv>, "fetch">,
  context: ApiContext,
  forMs: number,
): Promise<Response | undefined> {
  const { signal } = context.req.raw;
  const end = performance.now() + forMs;
  while (!signal.aborted && performance.now() < end) {
    await pause(Math.min(LOOK_EVERY_MS, end - performance.now()), signal);
    const answer = await app.fetch(context.req.raw, envAgain(context));
    if (answer.status !== 304) return answer;
  }
  return undefined;
}

/** Ends early when nobody listens any more. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
