/** Counts requests and answers by kind, in memory. An idle poll has no body, and costs no more than a few additions. */
import type { Context, Env, MiddlewareHandler } from "hono";
import type { Counter } from "#core/counters.ts";
import { AGENT_PATHS, BEAT_HEADER } from "#core/agent-api.ts";
import { metered, type Metered } from "../meter/meter.ts";

export function metering<E extends Env>(
  deps: Metered,
  kindOf: (context: Context<E>) => Counter,
  isCounted: (context: Context<E>) => boolean = () => true,
): MiddlewareHandler<E> {
  return async (context, next) => {
    if (!isCounted(context)) return next();
    await metered(deps, async () => {
      await next();
      deps.meter.add(kindOf(context));
      if (context.req.header(BEAT_HEADER) === "1") deps.meter.add("heartbeats");
      deps.meter.add("bytesOut", await bytesOf(context.res));
    });
  };
}

export function kindOfAgents({ req, res }: Context): Counter {
  if (req.path === AGENT_PATHS.desired) return res.status === 304 ? "idlePolls" : "fetches";
  if (req.path === AGENT_PATHS.report) return "reports";
  return req.path.endsWith("/bundle") ? "bundles" : "otherOfAgents";
}

/** Name, value, and the four bytes around them. */
const HEADER_BYTES = 4;

async function bytesOf(answer: Response): Promise<number> {
  let bytes = 0;
  for (const [name, value] of answer.headers) bytes += name.length + value.length + HEADER_BYTES;
  return answer.body === null ? bytes : bytes + (await answer.clone().arrayBuffer()).byteLength;
}
