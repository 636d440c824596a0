/**
 * ETags. One thing's is `"<version>-<digest>"`: the version is what `If-Match` is held against, the digest also grows
 * with what the hub observes. A list's is weak. `If-None-Match` answers 304 without the body.
 */
import type { MiddlewareHandler } from "hono";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { Problem } from "#core/problem.ts";
import type { ApiContext, ApiEnv } from "./caller.ts";

const DIGEST_CHARS = 24;

/** Said by a handler that answers one thing: its version, which opens the ETag. */
export function versioned(context: ApiContext, version: number): void {
  context.set("version", version);
}

/** Said by a handler whose answer holds what changes with each request: the ETag is made over `part` alone. */
export function taggedBy(context: ApiContext, part: unknown): void {
  context.set("tagged", canonicalJson(part));
}

export function conditional(): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    await next();
    const { method } = context.req;
    if ((method !== "GET" && method !== "HEAD") || context.res.status !== 200) return;
    if (context.res.headers.has("etag")) return;
    // In one order of keys, which the table's engine does not promise: equal things are then equal bytes.
    const text = canonicalJson(await context.res.clone().json());
    const etag = etagOf(context, text);
    const fresh = isNamed(context.req.header("if-none-match"), etag);
    // The answer depends on who asks, and a browser may keep it only if it asks again.
    const headers = { etag, "cache-control": "private, no-cache", vary: "authorization, cookie" };
    const before = context.res;
    // First taken away: what is put in its place would inherit what describes the body.
    context.res = undefined;
    context.res = fresh
      ? new Response(null, { status: 304, headers: keptHeaders(before) })
      : new Response(text, { status: 200, headers: keptHeaders(before, "content-type") });
    for (const [name, value] of Object.entries(headers)) context.res.headers.set(name, value);
  };
}

function etagOf(context: ApiContext, text: string): string {
  const digest = sha256(context.get("tagged") ?? text).slice(0, DIGEST_CHARS);
  const version = context.get("version");
  return version === undefined ? `W/"${digest}"` : `"${version}-${digest}"`;
}

/** What does not describe the body; `content-type` where the new body is of the same. */
function keptHeaders(answer: Response, ...described: readonly "content-type"[]): Headers {
  const headers = new Headers(answer.headers);
  for (const name of ["content-type", "content-length"] as const)
    if (name === "content-length" || !described.includes(name)) headers.delete(name);
  return headers;
}

/** Weak comparison, as RFC 9110 wants it here. */
function isNamed(header: string | undefined, etag: string): boolean {
  const named = (header ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""));
  return named.includes("*") || named.includes(etag.replace(/^W\//, ""));
}

/** Throws `changed-since` unless `If-Match` is absent, `*`, or names the stored version. */
export function requireMatch(context: ApiContext, version: number): void {
  const header = context.req.header("if-match");
  if (header === undefined) return;
  const named = header.split(",").map((one) => /^"(\d+)(-[0-9a-f]*)?"$/.exec(one.trim())?.[1]);
  if (header.trim() === "*" || named.includes(String(version))) return;
  throw new Problem("changed-since", `the stored version is ${version}`);
}
