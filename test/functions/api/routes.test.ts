/**
 * Each route and each class of outcome, from one table that is held against `/openapi.json`: a route without a row fails.
 * Every refusal is shown to write nothing.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Db } from "../../../functions/store/db.ts";
import { ask, refused, writes, apiHub, type ApiHub } from "../../support/api-hub.ts";
import { API_ROUTES, routeName, urlOf, type ApiRoute } from "../../support/api-routes.ts";

let hub: ApiHub;
beforeAll(async () => {
  hub = await apiHub();
}, 300_000);
afterAll(() => hub?.stop());

const proved = API_ROUTES.filter(({ open }) => open === undefined);
const named = (routes: readonly ApiRoute[]): [string, ApiRoute][] =>
  routes.map((route) => [routeName(route), route]);
const asAdmin = ({ method, body }: ApiRoute, url: string, headers?: Record<string, string>) => ({
  method,
  url,
  body,
  token: hub.tokens.admin,
  ...(headers === undefined ? {} : { headers }),
});

describe("the table of routes", () => {
  it("names exactly what /openapi.json names", async () => {
    const document = (await (await hub.api.request("/openapi.json")).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => routeName({ method: method.toUpperCase(), path })),
    );
    expect(API_ROUTES.map(routeName).toSorted()).toEqual(documented.toSorted());
  });
});

describe("a good request", () => {
  it.each(named(API_ROUTES.filter(({ status }) => status !== undefined)))(
    "%s is answered",
    async (_, route) => {
      const params = (await route.prepare?.(hub)) ?? {};
      const url = urlOf(route, params);
      const answer = await ask(hub.api, asAdmin(route, url));
      const failure = answer.status >= 500 ? hub.logged.at(-1) : undefined;
      expect([url, answer.status, await answer.clone().text(), failure]).toEqual([
        url,
        route.status,
        expect.anything(),
        undefined,
      ]);
      expect(answer.headers.get("fairlead-request")).toMatch(/^[\w.:-]{8,64}$/);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      if (answer.status !== 204) expect(answer.headers.get("content-type")).toBe("application/json");
    },
  );

  it.each(
    named(API_ROUTES.filter(({ method, path }) => method === "GET" && path.startsWith("/v1/projects"))),
  )("%s writes nothing, and answers 304 to its own ETag", async (_, route) => {
    if (route.status === undefined) return;
    writes(hub);
    const first = await ask(hub.api, asAdmin(route, urlOf(route)));
    expect(writes(hub)).toEqual([]);
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^(W\/"[0-9a-f]{24}"|"\d+-[0-9a-f]{24}")$/);
    const again = await ask(hub.api, asAdmin(route, urlOf(route), { "if-none-match": etag }));
    expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag]);
  });
});

describe("without proof of who asks", () => {
  it.each(named(proved))("%s is 401", async (_, route) => {
    const { token: _token, ...asked } = asAdmin(route, urlOf(route));
    expect((await refused(hub, asked, 401)).code).toBe("unauthenticated");
    await refused(hub, { ...asked, token: hub.tokens.wrong }, 401);
  });
});

describe("without the right", () => {
  it.each(named(proved.filter(({ viewer }) => viewer === undefined)))(
    "%s is 403 to a viewer",
    async (_, route) => {
      const asked = { ...asAdmin(route, urlOf(route)), token: hub.tokens.viewer };
      expect((await refused(hub, asked, 403)).code).toBe("forbidden");
    },
  );

  it.each(named(proved.filter(({ viewer }) => viewer === true)))(
    "%s is open to a viewer",
    async (_, route) => {
      const asked = { ...asAdmin(route, urlOf(route)), token: hub.tokens.viewer };
      expect((await ask(hub.api, asked)).status).toBe(route.status);
    },
  );
});

describe("what is not there", () => {
  it.each(named(API_ROUTES.filter(({ missing }) => missing !== undefined)))("%s is 404", async (_, route) => {
    const asked = asAdmin(route, urlOf(route, route.missing));
    expect((await refused(hub, asked, 404)).code).toBe("not-found");
  });

  it("is every other path and method, whatever stands in it", async () => {
    for (const url of [
      "/v1",
      "/v1/nothing",
      "/v1/projects/default/nothing",
      "/v1/projects/default/apps/shop/x",
    ])
      await refused(hub, { method: "GET", url, token: hub.tokens.admin }, 404);
    for (const method of ["PUT", "PATCH", "OPTIONS", "POST"]) {
      const asked = { method, url: "/v1/projects/default/apps/shop", token: hub.tokens.admin };
      expect((await refused(hub, asked, 405)).code).toBe("method-not-allowed");
      expect((await ask(hub.api, asked)).headers.get("allow")).toBe("GET, HEAD, DELETE");
    }
    const head = await ask(hub.api, {
      method: "HEAD",
      url: "/v1/projects/default/apps",
      token: hub.tokens.admin,
    });
    expect([head.status, await head.text(), head.headers.get("etag")]).toEqual([
      200,
      "",
      expect.stringMatching(/^W/),
    ]);
  });
});

describe("what cannot be read", () => {
  it.each(named(API_ROUTES.filter(({ bad }) => bad !== undefined)))("%s is 400", async (_, route) => {
    const { params, query, body } = route.bad ?? {};
    const asked = { ...asAdmin(route, urlOf(route, params, query)), ...(body === undefined ? {} : { body }) };
    expect((await refused(hub, asked, 400)).code).toBe("invalid-request");
  });

  it.each(named(API_ROUTES.filter(({ body }) => body !== undefined)))(
    "%s with no JSON is 400",
    async (_, route) => {
      await refused(hub, { ...asAdmin(route, urlOf(route)), body: "{" }, 400);
    },
  );

  it("in a path is a refusal, never a failure", async () => {
    for (const part of [
      "%zz",
      "%",
      "%00",
      "a%00b",
      "..%2f..",
      "%2e%2e%2f",
      "é",
      "%C3%28",
      "a%2Fb",
      "x".repeat(300),
    ])
      for (const url of [`/v1/projects/${part}`, `/v1/projects/default/apps/${part}`, `/v1/${part}`]) {
        const answer = await ask(hub.api, { method: "GET", url, token: hub.tokens.admin });
        expect([url, [400, 404].includes(answer.status), answer.headers.get("content-type")]).toEqual([
          url,
          true,
          "application/problem+json",
        ]);
      }
  });
});

describe("a body of another type", () => {
  it.each(named(API_ROUTES.filter(({ body }) => body !== undefined)))("%s is 415", async (_, route) => {
    const asked = asAdmin(route, urlOf(route), { "content-type": "text/plain" });
    expect((await refused(hub, asked, 415)).code).toBe("unsupported-type");
  });
});

describe("a body above the limit", () => {
  const writing = API_ROUTES.filter(
    ({ method, path }) => method !== "GET" && !path.startsWith("/v1/webhooks"),
  );
  it.each(named(writing))("%s is 413", async (_, route) => {
    const bytesMax = route.bytesMax ?? 64 * 1024;
    const asked = { ...asAdmin(route, urlOf(route)), body: `"${"x".repeat(bytesMax)}"` };
    const problem = await refused(hub, asked, 413);
    expect(problem).toMatchObject({ code: "too-large", detail: expect.stringContaining(String(bytesMax)) });
    const told = { "content-length": String(bytesMax + 1), "content-type": "application/json" };
    await refused(hub, { ...asked, headers: told, body: "{}" }, 413);
  });
});

describe("what somebody else was first with", () => {
  /** A table on which every condition of an update is lost, as to a writer at the same moment. */
  const losing = (db: Db): Db => ({ ...db, update: () => Promise.resolve("lost" as const) });

  it.each(named(API_ROUTES.filter(({ conflict }) => conflict !== undefined)))(
    "%s is 409",
    async (_, route) => {
      const { code, params, body, race } = route.conflict ?? {};
      await route.prepare?.(hub);
      const api = race === true ? hub.build({ db: losing(hub.db) }) : hub.api;
      const asked = { ...asAdmin(route, urlOf(route, params)), ...(body === undefined ? {} : { body }) };
      expect((await refused(hub, asked, 409, api)).code).toBe(code);
    },
  );
});

describe("If-Match", () => {
  const resources = ["projects", "sources", "apps", "clusters", "policies", "credentials"];
  const deleting = API_ROUTES.filter(
    ({ method, path }) =>
      method === "DELETE" && resources.some((noun) => new RegExp(`/${noun}/{\\w+}$`).test(path)),
  );

  it.each(named(deleting))("%s of another version is 412, of the stored one is done", async (_, route) => {
    const params = (await route.prepare?.(hub)) ?? {};
    const url = urlOf(route, params);
    const etags = ['"999"', '"999-0123456789abcdef01234567"', 'W/"1"', "nonsense"];
    for (const etag of etags) {
      const problem = await refused(hub, asAdmin(route, url, { "if-match": etag }), 412);
      expect(problem).toMatchObject({
        code: "changed-since",
        detail: expect.stringMatching(/version is \d+/),
      });
    }
    const version = /\d+/.exec(
      (await refused(hub, asAdmin(route, url, { "if-match": '"999"' }), 412)).detail,
    )?.[0];
    const done = await ask(hub.api, asAdmin(route, url, { "if-match": `"998", "${version}-abc"` }));
    expect(done.status).toBe(route.status);
  });

  it("takes the ETag of the thing itself, whatever the hub observed of it since", async () => {
    await hub.apply({ kind: "Cluster", metadata: { name: "matched" } });
    const url = "/v1/projects/default/clusters/matched";
    const etag =
      (await ask(hub.api, { method: "GET", url, token: hub.tokens.admin })).headers.get("etag") ?? "";
    const done = await ask(hub.api, {
      method: "DELETE",
      url,
      token: hub.tokens.admin,
      headers: { "if-match": etag },
    });
    expect(done.status).toBe(204);
  });
});

describe("asking too often", () => {
  it.each(named(API_ROUTES))("%s is 429, with the time to wait", async (_, route) => {
    const once = { perSecond: 0.1, burst: 1 };
    const api = hub.build({ limits: { reads: once, writes: once, perAddress: 1 } });
    await api.request("/readyz", { method: route.method });
    const problem = await refused(hub, asAdmin(route, urlOf(route)), 429, api);
    expect(problem.code).toBe("too-many");
    const again = await ask(api, asAdmin(route, urlOf(route)));
    expect([again.status, again.headers.get("retry-after")]).toEqual([429, "10"]);
  });
});
