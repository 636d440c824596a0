/**
 * The two cookies: a browser's session, which no foreign page can make it send (SameSite=Strict), and the start of a
 * sign-in, which must survive the way back from the provider (Lax). No script reads either.
 */
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { FLOW_MS_MAX } from "./login-flow.ts";

const NAMES = { session: "fairlead", flow: "fairlead-login" } as const;
type Name = keyof typeof NAMES;
const SAME_SITE = { session: "Strict", flow: "Lax" } as const;

/** `__Host-` binds a cookie to this very host; browsers keep it over https only, which a hub on loopback has not. */
function nameOf(origin: string, name: Name): string {
  return origin.startsWith("https:") ? `__Host-${NAMES[name]}` : NAMES[name];
}

function options(origin: string, name: Name) {
  return {
    httpOnly: true,
    secure: origin.startsWith("https:"),
    sameSite: SAME_SITE[name],
    path: "/",
  };
}

export function readCookie(context: Context, origin: string, name: Name): string | undefined {
  return getCookie(context, nameOf(origin, name));
}

export function setSessionCookie(context: Context, origin: string, value: string, maxAgeMs: number): void {
  const maxAge = Math.max(1, Math.floor(maxAgeMs / 1000));
  setCookie(context, nameOf(origin, "session"), value, { ...options(origin, "session"), maxAge });
}

export function setFlowCookie(context: Context, origin: string, value: string): void {
  setCookie(context, nameOf(origin, "flow"), value, {
    ...options(origin, "flow"),
    maxAge: FLOW_MS_MAX / 1000,
  });
}

export function dropCookie(context: Context, origin: string, name: Name): void {
  deleteCookie(context, nameOf(origin, name), options(origin, name));
}
