/**
 * The one API token: as a bearer from the CLI, or exchanged once for a host-only, SameSite=Strict cookie by a person
 * who opens the printed link. A cookie may only read; every write takes the bearer, so no foreign page can make one.
 */
import { timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { sha256 } from "#core/digest.ts";
import { Problem } from "#core/problem.ts";

const COOKIE = "fairlead-session";
const BEARER = "Bearer ";

export function requireToken(tokenSha256: string): MiddlewareHandler {
  const fits = (token: string | undefined): boolean =>
    token !== undefined && timingSafeEqual(Buffer.from(sha256(token)), Buffer.from(tokenSha256));
  return async (context, next) => {
    const { method } = context.req;
    const header = context.req.header("authorization");
    const bearer = header?.startsWith(BEARER) === true ? header.slice(BEARER.length) : undefined;
    if (fits(bearer)) return next();
    const reads = method === "GET" || method === "HEAD";
    const link = context.req.query("token");
    if (reads && fits(link)) {
      setCookie(context, COOKIE, link ?? "", { httpOnly: true, sameSite: "Strict", path: "/" });
      return context.redirect(context.req.path, 303);
    }
    if (reads && fits(getCookie(context, COOKIE))) return next();
    throw new Problem(
      "unauthenticated",
      "send the API token as a bearer, or open the link that the hub printed at its start (fairlead reads it from .fairlead/cli.json)",
    );
  };
}
