/**
 * Signing in and out. Nobody is proved here yet: every write asks for this hub's own origin or a one-time token, every
 * wrong try counts, and every way ends at a fixed place of this hub.
 */
import { pageHeaders } from "../dashboard/headers.ts";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { authConfigSchema, apiTokenAnswerSchema, bootstrapRequestSchema } from "#core/account.ts";
import { assertNever } from "#core/assert.ts";
import { sha256 } from "#core/digest.ts";
import { Problem } from "#core/problem.ts";
import { bootstrapApiToken, bootstrapSession, isBootstrapToken } from "../identity/bootstrap.ts";
import { dropCookie, readCookie, setFlowCookie, setSessionCookie } from "../identity/cookies.ts";
import { CALLBACK_PATH, type LoginFlow } from "../identity/login-flow.ts";
import { cliClientOf, scopesOf } from "../identity/oidc-config.ts";
import { bootstrapPage, loginPage, logoutPage, refusedPage, signedInPage } from "../identity/pages.ts";
import { openSession, type Opened } from "../identity/session.ts";
import { getApiToken } from "../store/api-token.ts";
import { findHub } from "../store/hub.ts";
import { deleteSession } from "../store/session.ts";
import { checkOrigin, countWrong, ownOrigin, refuseGuessing, type Identity } from "./auth.ts";
import type { ApiContext, ApiEnv } from "./caller.ts";
import { createApi, json, route } from "./route.ts";
import { viewToken } from "./tokens.ts";

const config = route({
  method: "get",
  path: "/v1/auth/config",
  summary: "How to sign in",
  security: [],
  responses: { 200: json(authConfigSchema, "People's provider, where there is one") },
});
const bootstrap = route({
  method: "post",
  path: "/v1/auth/bootstrap",
  summary: "Exchange the one-time token of the first admin for an API token",
  security: [],
  request: {
    body: { required: true, content: { "application/json": { schema: bootstrapRequestSchema } } },
  },
  responses: { 201: json(apiTokenAnswerSchema, "The API token, shown once") },
});

export function loginRoutes(identity: Identity): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  for (const path of ["/login", "/login/*", "/logout"])
    routes.use(path, pageHeaders({ hasForms: true }), noStore());
  apiRoutes(routes, identity);
  pageRoutes(routes, identity);
  if (identity.login !== undefined) providerRoutes(routes, identity, identity.login);
  return routes;
}

function noStore() {
  return async (context: ApiContext, next: () => Promise<void>): Promise<void> => {
    await next();
    context.header("cache-control", "no-store");
  };
}

function apiRoutes(routes: OpenAPIHono<ApiEnv>, identity: Identity): void {
  const { db, now, oidc } = identity.deps;
  routes.openapi(config, async (context) => {
    const hub = await findHub(db);
    const people =
      oidc === undefined
        ? {}
        : { oidc: { issuer: oidc.issuer, clientId: cliClientOf(oidc), scopes: scopesOf(oidc) } };
    return context.json({ ...(hub === undefined ? {} : { hub: hub.hub }), ...people }, 200);
  });
  routes.openapi(bootstrap, async (context) => {
    refuseGuessing(context, identity);
    const { token } = context.req.valid("json");
    const made = isBootstrapToken(token)
      ? await bootstrapApiToken(db, token, now(), context.get("from"), context.get("request"))
      : undefined;
    if (made === undefined) throw wrongToken(context, identity, token);
    context.header("cache-control", "no-store");
    return context.json({ ...viewToken(made.token, made.by), token: made.text }, 201);
  });
}

function wrongToken(context: ApiContext, identity: Identity, token: string): Problem {
  countWrong(context, identity, token);
  return new Problem(
    "unauthenticated",
    "the one-time token is unknown, used, or older than an hour: start the hub again for a new one",
  );
}

function pageRoutes(routes: OpenAPIHono<ApiEnv>, identity: Identity): void {
  const { deps } = identity;
  routes.get("/login", (context) => {
    const token = context.req.query("bootstrap");
    if (token !== undefined && isBootstrapToken(token)) return context.html(bootstrapPage(token));
    return context.html(loginPage(deps.oidc === undefined ? undefined : new URL(deps.oidc.issuer).host));
  });
  routes.post("/login/token", async (context) => {
    const origin = ownOrigin(context, identity);
    checkOrigin(context, origin);
    refuseGuessing(context, identity);
    const token = await tokenOfForm(context);
    const opened = await sessionFor(identity, token);
    if (opened === undefined) {
      countWrong(context, identity, token);
      return context.html(refusedPage("The token is unknown, used, revoked, or has expired."), 401);
    }
    setSessionCookie(context, origin, opened.value, opened.expiresAt - deps.now());
    return context.redirect("/", 303);
  });
  routes.get("/logout", (context) => context.html(logoutPage()));
  routes.post("/logout", async (context) => {
    const origin = ownOrigin(context, identity);
    checkOrigin(context, origin);
    const value = readCookie(context, origin, "session");
    if (value !== undefined) await deleteSession(deps.db, sha256(value));
    dropCookie(context, origin, "session");
    return context.redirect("/login", 303);
  });
}

const TOKEN_CHARS_MAX = 300;

async function tokenOfForm(context: ApiContext): Promise<string> {
  const { token } = await context.req.parseBody();
  if (typeof token === "string" && token.trim() !== "" && token.length <= TOKEN_CHARS_MAX)
    return token.trim();
  throw new Problem("invalid-request", `token: is missing, or longer than ${TOKEN_CHARS_MAX} characters`);
}

/** A session of an API token ends with it, and at once when it is revoked. */
async function sessionFor({ deps }: Identity, token: string): Promise<Opened | undefined> {
  const { db, now } = deps;
  if (isBootstrapToken(token)) return bootstrapSession(db, token, now());
  const digest = sha256(token);
  const found = await getApiToken(db, digest, now());
  return found === undefined
    ? undefined
    : openSession(db, { kind: "api-token", digest }, now(), { until: found.expiresAt });
}

function providerRoutes(routes: OpenAPIHono<ApiEnv>, identity: Identity, login: LoginFlow): void {
  const { deps } = identity;
  routes.get("/login/start", async (context) => {
    const origin = ownOrigin(context, identity);
    try {
      const { url, cookie } = await login.start(origin);
      setFlowCookie(context, origin, cookie);
      return context.redirect(url, 303);
    } catch (error) {
      return away(context, identity, error);
    }
  });
  routes.get(CALLBACK_PATH, async (context) => {
    refuseGuessing(context, identity);
    const origin = ownOrigin(context, identity);
    const cookie = readCookie(context, origin, "flow");
    dropCookie(context, origin, "flow");
    const returned = new URL(`${origin}${CALLBACK_PATH}${new URL(context.req.url).search}`);
    const finished = await login.finish(returned, cookie);
    switch (finished.kind) {
      case "person": {
        const opened = await openSession(deps.db, finished, deps.now());
        if (opened === undefined) throw new Problem("not-ready", "the session was not kept: sign in again");
        setSessionCookie(context, origin, opened.value, opened.expiresAt - deps.now());
        return context.html(signedInPage());
      }
      case "refused":
        countWrong(context, identity, returned.search);
        return context.html(refusedPage(`The sign-in does not count: ${finished.message}.`), 401);
      case "away":
        return away(context, identity, finished.error);
      default:
        return assertNever(finished);
    }
  });
}

function away(context: ApiContext, { deps }: Identity, error: unknown): Response | Promise<Response> {
  deps.log({ level: "warn", message: "people's identity provider does not answer", error: String(error) });
  return context.html(refusedPage("The identity provider does not answer now. Try again in a while."), 503);
}
