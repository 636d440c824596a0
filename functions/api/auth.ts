/**
 * Who asks, proved before any route is reached: by a bearer, else by a browser's session. A session may write only from
 * this hub's own pages (exact `Origin`, JSON), so no foreign page can act for it; and no GET of the API changes anything.
 */
import type { Context, MiddlewareHandler } from "hono";
import { Problem } from "#core/problem.ts";
import { readCookie } from "../identity/cookies.ts";
import { countFailures, type Failures } from "../identity/failures.ts";
import { createLoginFlow, type LoginFlow } from "../identity/login-flow.ts";
import { createProver, type IdentityDeps, type Proof, type Prover } from "../identity/prove.ts";
import type { ApiEnv } from "./caller.ts";

export interface Identity {
  deps: IdentityDeps;
  prover: Prover;
  failures: Failures;
  /** Absent where people have no provider. */
  login: LoginFlow | undefined;
}

export function createIdentity(deps: IdentityDeps): Identity {
  const prover = createProver(deps);
  const login = deps.oidc === undefined ? undefined : createLoginFlow(deps, deps.oidc, prover);
  return { deps, prover, failures: countFailures(deps.now), login };
}

/** Sets `caller`, or refuses. A person who opens a page without a session is shown where to sign in. */
export function identifyCaller(identity: Identity): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    // The style sheet and icon, which the pages of signing in need too; they are in every checkout of the project.
    if (context.req.path.startsWith("/static/")) return next();
    const origin = ownOrigin(context, identity);
    const proof = proofOf(context, origin);
    if (proof === undefined) return isPageVisit(context) ? toLogin(context) : refuse(context, MISSING);
    refuseGuessing(context, identity);
    const proved = await identity.prover.prove(proof, origin);
    if (proved.kind === "away") throw new Problem("not-ready", proved.message);
    if (proved.kind === "nobody") {
      countWrong(context, identity, proof.kind === "bearer" ? proof.token : proof.value);
      return proof.kind === "session" && isPageVisit(context)
        ? toLogin(context)
        : refuse(context, proved.message);
    }
    if (proved.caller.session) checkSessionWrite(context, origin);
    context.set("caller", proved.caller);
    return next();
  };
}

const BEARER = /^bearer +(\S+)$/i;
const MISSING =
  "send an API token or an ID token as a bearer (fairlead reads it from .fairlead/cli.json, FAIRLEAD_API_TOKEN or `fairlead login`), or sign in at /login";

/** A bearer outweighs a cookie: who names a proof is held to it. */
function proofOf(context: Context, origin: string): Proof | undefined {
  const header = context.req.header("authorization");
  if (header !== undefined) return { kind: "bearer", token: BEARER.exec(header)?.[1] ?? "" };
  const value = readCookie(context, origin, "session");
  return value === undefined ? undefined : { kind: "session", value };
}

function isPageVisit({ req }: Context): boolean {
  return (
    req.method === "GET" && !req.path.startsWith("/v1") && (req.header("accept") ?? "").includes("text/html")
  );
}

/** Always the same place, so that nobody's link can lead elsewhere through it. */
function toLogin(context: Context): Response {
  context.header("cache-control", "no-store");
  return context.redirect("/login", 303);
}

function refuse(context: Context, message: string): never {
  context.header("www-authenticate", "Bearer");
  throw new Problem("unauthenticated", message);
}

/** Where browsers see this hub: as the operator says, else as the request itself came. */
export function ownOrigin(context: Context, { deps }: Identity): string {
  return new URL(deps.pageUrl ?? context.req.url).origin;
}

/** Throws `forbidden` unless the request comes from a page of this very hub. */
export function checkOrigin(context: Context, origin: string): void {
  if (context.req.header("origin") === origin) return;
  throw new Problem("forbidden", `a browser's session may write from pages of ${origin} alone`);
}

const SAFE = new Set(["GET", "HEAD"]);

function checkSessionWrite(context: Context, origin: string): void {
  const { method } = context.req;
  if (SAFE.has(method)) return;
  checkOrigin(context, origin);
  const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (method !== "DELETE" && type !== "application/json")
    throw new Problem("unsupported-type", "a browser's session writes application/json alone");
}

/** Throws `too-many` while this address has shown too many wrong proofs. */
export function refuseGuessing(context: Context<ApiEnv>, { failures }: Identity): void {
  const waitS = Math.ceil(failures.waitMs(context.get("from")) / 1000);
  if (waitS === 0) return;
  context.header("retry-after", String(waitS));
  throw new Problem("too-many", `too many wrong proofs came from this address: wait ${waitS} s`);
}

export function countWrong(context: Context<ApiEnv>, { failures }: Identity, proof: string): void {
  failures.add(context.get("from"), proof);
}
