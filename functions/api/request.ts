/**
 * Each request has an id: the caller's own where it is a safe one, else a new one. It stands in the answer, in the log
 * line of a refusal, and on what the request changes. No line holds a query, a header or a body.
 */
import { randomUUID } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import * as z from "zod";
import { actorName } from "#core/actor.ts";
import type { ApiContext, ApiEnv, Caller } from "./caller.ts";
import type { Log } from "./errors.ts";

export const REQUEST_HEADER = "fairlead-request";
const SAFE_ID = /^[A-Za-z0-9._:-]{8,64}$/;
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Of a request that is evaluated again while its caller waits: the id of the first one. */
const AGAIN = Symbol("again");

export function traced({ log, now }: { log: Log; now: () => number }): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const since = now();
    const again = firstId(context);
    const request = again ?? ownId(context);
    context.set("request", request);
    context.set("from", addressOf(context));
    await next();
    context.header(REQUEST_HEADER, request);
    context.header("x-content-type-options", "nosniff");
    if (again !== undefined || context.res.status < 400 || context.get("code") === "internal") return;
    log({ level: "warn", ...aboutRequest(context), status: context.res.status, ms: now() - since });
  };
}

/** For a log line: nothing that a caller could hide a secret in. */
export function aboutRequest(context: ApiContext): Record<string, unknown> {
  const caller = context.get("caller") as Caller | undefined;
  return {
    request: context.get("request"),
    method: context.req.method,
    route: routePath(context, -1),
    code: context.get("code"),
    ...(caller === undefined ? {} : { caller: actorName(caller.actor) }),
  };
}

/** The environment under which the same request is evaluated again. */
export function envAgain(context: ApiContext): object {
  return { ...(context.env as object), [AGAIN]: context.get("request") };
}

export function isAgain(context: ApiContext): boolean {
  return firstId(context) !== undefined;
}

function firstId(context: ApiContext): string | undefined {
  return (context.env as { [AGAIN]?: string } | undefined)?.[AGAIN];
}

function ownId(context: ApiContext): string {
  const asked = context.req.header("x-request-id") ?? "";
  if (SAFE_ID.test(asked)) return asked;
  return TRACEPARENT.exec(context.req.header("traceparent") ?? "")?.[1] ?? randomUUID();
}

/** What the two servers under Hono say of the other end. A header that anybody can write is not asked. */
const peerSchema = z.object({
  incoming: z.object({ socket: z.object({ remoteAddress: z.string().optional() }) }).optional(),
  requestContext: z.object({ http: z.object({ sourceIp: z.string() }).optional() }).optional(),
});
const ADDRESS_CHARS_MAX = 64;

function addressOf(context: ApiContext): string | undefined {
  const { incoming, requestContext } = peerSchema.safeParse(context.env).data ?? {};
  const address = requestContext?.http?.sourceIp ?? incoming?.socket.remoteAddress;
  return address?.slice(0, ADDRESS_CHARS_MAX);
}
