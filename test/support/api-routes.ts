/**
 * Every route of people's API, as `/openapi.json` names it, with what it takes to ask it well and ask it badly. A route
 * that has no row here fails its test.
 */
import { IMPORT_BODY_BYTES_MAX } from "#core/export.ts";
import { APPLY_BODY_BYTES_MAX, PLAN_BODY_BYTES_MAX } from "#core/limits.ts";
import { putToken, redeemToken } from "../../functions/store/cluster.ts";
import type { ApiHub } from "./api-hub.ts";
import { apiToken } from "./caller.ts";
import { cluster, source } from "./hub-parts.ts";

export interface ApiRoute {
  method: string;
  path: string;
  /** Of a good request; the fixture has these things. */
  params?: Record<string, string>;
  body?: unknown;
  /** Of a good request; absent where another file's tests make one, as `elsewhere` says. */
  status?: number;
  elsewhere?: string;
  /** Nobody is asked who they are. */
  open?: true;
  /** A viewer may, too. */
  viewer?: true;
  /** Makes what a good request uses up, or leaves the params that name it. */
  prepare?: (hub: ApiHub) => Promise<Record<string, string> | void>;
  /** Params of things that are not there. */
  missing?: Record<string, string>;
  /** What cannot be read. */
  bad?: { params?: Record<string, string>; query?: string; body?: unknown };
  /** Refused although everything is there and allowed. */
  conflict?: {
    code: "conflict" | "in-use" | "already-open";
    params?: Record<string, string>;
    body?: unknown;
    /** Of two writers at once the other one wins. */
    race?: true;
  };
  /** Of the body. */
  bytesMax?: number;
}

const DEFAULT = { project: "default" };
const P = "/v1/projects/{project}";
const badName = { params: { name: "NO%23NAME" } };
const badProject = { params: { project: "NO%23NAME" } };
const badPage = { query: "limit=0" };
const APPLY = { resources: [{ apiVersion: "fairlead.dev/v1", ...cluster("applied") }] };
const stale = { ...cluster("a"), apiVersion: "fairlead.dev/v1" };

const list = (noun: string): ApiRoute => ({
  method: "GET",
  path: `${P}/${noun}`,
  params: DEFAULT,
  status: 200,
  viewer: true,
  bad: badPage,
});
const one = (noun: string, name: string): ApiRoute => ({
  method: "GET",
  path: `${P}/${noun}/{name}`,
  params: { ...DEFAULT, name },
  status: 200,
  viewer: true,
  missing: { name: "none" },
  bad: badName,
});
const remove = (noun: string, name: string, prepare: NonNullable<ApiRoute["prepare"]>): ApiRoute => ({
  method: "DELETE",
  path: `${P}/${noun}/{name}`,
  params: { ...DEFAULT, name },
  status: 204,
  prepare,
  missing: { name: "none" },
  bad: badName,
  conflict: { code: "conflict", race: true },
});
const ofApp = (noun: string, params: Record<string, string> = {}): ApiRoute[] => {
  const common = {
    method: "GET",
    params: { ...DEFAULT, name: "shop" },
    status: 200,
    viewer: true,
    missing: { name: "none" },
  } as const;
  const [param = ""] = Object.keys(params);
  return [
    { ...common, path: `${P}/apps/{name}/${noun}`, bad: badPage },
    {
      ...common,
      path: `${P}/apps/{name}/${noun}/{${param}}`,
      params: { ...common.params, ...params },
      bad: badName,
    },
  ];
};

/** Of the hub itself: for its own project's admins alone. */
const HUB_ROUTES: readonly ApiRoute[] = [
  { method: "GET", path: "/v1/hub", status: 200 },
  {
    method: "PUT",
    path: "/v1/hub/charter",
    body: { charter: "x" },
    bad: { body: { charter: "a.b.c" } },
    elsewhere: "hub.test.ts",
  },
  { method: "GET", path: "/v1/meter", status: 200, bad: { query: "days=0" } },
  { method: "GET", path: "/v1/export", status: 200, bad: { query: `cursor=${"x".repeat(2001)}` } },
  {
    method: "POST",
    path: "/v1/import",
    body: { export: "e".repeat(64), charter: "x", from: 0, lines: [{ kind: "end" }] },
    bad: { body: {} },
    bytesMax: IMPORT_BODY_BYTES_MAX,
    elsewhere: "hub.test.ts",
  },
];

/** Of an agent's key. */
const agentKey = (act: string, status: number, change: Partial<ApiRoute>): ApiRoute => ({
  method: "POST",
  path: `${P}/clusters/{name}/${act}`,
  params: { ...DEFAULT, name: "a" },
  status,
  missing: { name: "none" },
  bad: badName,
  ...change,
});

export const API_ROUTES: readonly ApiRoute[] = [
  ...HUB_ROUTES,
  agentKey("rotate", 202, {
    prepare: async ({ db, now }) => {
      const key = { kty: "OKP", crv: "Ed25519", x: "x".repeat(43) } as const;
      const secret = "registration-".repeat(4);
      await putToken(db, "default", "a", secret, now() + 60_000);
      await redeemToken(db, secret, key, now());
    },
    conflict: { code: "conflict", params: { name: "b" } },
  }),
  agentKey("revoke", 200, {}),
  agentKey("hold", 200, {
    // An hour after the fixture's clock.
    body: { until: 1_800_003_600_000, reason: "payday" },
    bad: { ...badName, body: { until: "tomorrow" } },
  }),
  agentKey("release-hold", 200, {}),
  { method: "GET", path: "/healthz", status: 200, open: true },
  { method: "GET", path: "/readyz", status: 200, open: true },
  { method: "GET", path: "/v1/auth/config", status: 200, open: true },
  {
    method: "POST",
    path: "/v1/auth/bootstrap",
    open: true,
    body: { token: "x" },
    bad: { body: { token: 1 } },
    elsewhere: "login.test.ts",
  },
  {
    method: "POST",
    path: "/v1/webhooks/{project}/{source}",
    open: true,
    params: { ...DEFAULT, source: "fleet" },
    elsewhere: "webhooks.test.ts",
  },
  { method: "GET", path: "/v1/whoami", status: 200, viewer: true },
  {
    method: "POST",
    path: "/v1/apply",
    body: APPLY,
    status: 200,
    bad: { body: { resources: [] } },
    conflict: {
      code: "conflict",
      body: { resources: [{ ...stale, metadata: { ...stale.metadata, resourceVersion: 99 } }] },
    },
    bytesMax: APPLY_BODY_BYTES_MAX,
  },
  { method: "GET", path: "/v1/projects", status: 200, viewer: true, bad: badPage },
  {
    method: "GET",
    path: P,
    params: DEFAULT,
    status: 200,
    viewer: true,
    missing: { project: "none" },
    bad: badProject,
  },
  {
    method: "DELETE",
    path: P,
    params: { project: "empty" },
    status: 204,
    prepare: (hub) => hub.apply({ kind: "Project", metadata: { name: "empty" } }),
    missing: { project: "none" },
    bad: badProject,
    conflict: { code: "in-use", params: DEFAULT },
  },
  list("sources"),
  one("sources", "fleet"),
  {
    ...remove("sources", "spare", (hub) => hub.apply({ ...source, metadata: { name: "spare" } })),
    conflict: { code: "in-use", params: { name: "fleet" } },
  },
  {
    method: "POST",
    path: `${P}/sources/{name}/sync`,
    params: { ...DEFAULT, name: "away" },
    status: 202,
    // Looks at a port of this machine where nobody listens: found to have failed, and told so.
    prepare: (hub) =>
      hub.apply({
        ...source,
        metadata: { name: "away" },
        spec: { git: { url: "http://127.0.0.1:1/fleet.git" } },
      }),
    missing: { name: "none" },
    bad: badName,
  },
  list("apps"),
  one("apps", "shop"),
  {
    ...remove("apps", "leaving", (hub) =>
      hub.apply({ kind: "App", metadata: { name: "leaving" }, spec: { source: "fleet", clusters: {} } }),
    ),
    status: 202,
  },
  {
    method: "POST",
    path: `${P}/apps/{name}/plan`,
    params: { ...DEFAULT, name: "shop" },
    body: { files: { "apps/all.yaml": "{}" } },
    missing: { name: "none" },
    bad: { body: { commit: "main" } },
    bytesMax: PLAN_BODY_BYTES_MAX,
    elsewhere: "plans.test.ts",
  },
  ...ofApp("releases", { release: "1" }),
  ...ofApp("rollouts", { release: "1" }),
  {
    method: "GET",
    path: `${P}/apps/{name}/releases/{release}/scans`,
    params: { ...DEFAULT, name: "shop", release: "1" },
    status: 200,
    viewer: true,
    missing: { release: "7" },
    bad: { params: { release: "0" } },
  },
  {
    method: "POST",
    path: `${P}/apps/{name}/releases/{release}/scans`,
    params: { ...DEFAULT, name: "shop", release: "1" },
    body: { scans: [{ image: "shop:1", found: { critical: 1 } }] },
    status: 200,
    missing: { release: "7" },
    bad: { body: { scans: [] } },
  },
  {
    method: "GET",
    path: `${P}/apps/{name}/timelines/{release}`,
    params: { ...DEFAULT, name: "shop", release: "1" },
    status: 200,
    viewer: true,
    missing: { release: "7" },
    bad: badPage,
  },
  {
    method: "POST",
    path: `${P}/apps/{name}/rollouts/{release}/{command}`,
    params: { ...DEFAULT, name: "shop", release: "1", command: "pause" },
    body: { reason: "a look first" },
    status: 200,
    missing: { release: "7" },
    bad: { params: { command: "stop" } },
    conflict: { code: "conflict", params: { command: "approve" } },
  },
  ...ofApp("placements", { cluster: "a" }),
  {
    method: "GET",
    path: `${P}/apps/{name}/placements/{cluster}/why`,
    params: { ...DEFAULT, name: "shop", cluster: "a" },
    status: 200,
    viewer: true,
    missing: { cluster: "none" },
    bad: badName,
  },
  list("clusters"),
  one("clusters", "a"),
  remove("clusters", "gone", (hub) => hub.apply(cluster("gone"))),
  {
    method: "POST",
    path: `${P}/clusters/{name}/registration`,
    params: { ...DEFAULT, name: "a" },
    status: 201,
    missing: { name: "none" },
    bad: badName,
  },
  list("policies"),
  one("policies", "images"),
  remove("policies", "old", (hub) =>
    hub.apply({
      kind: "Policy",
      metadata: { name: "old" },
      spec: { validations: [{ expression: "true", message: "fine" }] },
    }),
  ),
  list("promotions"),
  one("promotions", "shop-prod"),
  {
    method: "POST",
    path: `${P}/promotions/{name}/promote`,
    params: { ...DEFAULT, name: "shop-prod" },
    missing: { name: "none" },
    bad: badName,
    // The rollout of its App is under way.
    conflict: { code: "conflict" },
    elsewhere: "promotion/command.test.ts",
  },
  remove("promotions", "old", (hub) =>
    hub.apply({
      kind: "Promotion",
      metadata: { name: "old" },
      spec: {
        from: { app: "shop" },
        to: { source: "fleet", path: "prod" },
        change: { copy: ["apps/**"] },
        host: { kind: "gitea" },
      },
    }),
  ),
  {
    method: "GET",
    path: `${P}/drift-audits/newest`,
    params: DEFAULT,
    status: 200,
    viewer: true,
    missing: { project: "other" },
    bad: badProject,
  },
  { method: "GET", path: `${P}/fleet`, params: DEFAULT, status: 200, viewer: true, bad: badProject },
  { method: "GET", path: `${P}/tokens`, params: DEFAULT, status: 200, bad: badProject },
  {
    method: "POST",
    path: `${P}/tokens`,
    params: DEFAULT,
    body: { name: "ci", role: "viewer" },
    status: 201,
    missing: { project: "none" },
    bad: { body: { name: "ci" } },
  },
  {
    method: "DELETE",
    path: `${P}/tokens/{id}`,
    params: { ...DEFAULT, id: "none" },
    status: 204,
    prepare: async (hub) => {
      await apiToken(hub.db, { project: "default", name: "spare", now: hub.now() });
      const answer = await hub.api.request("/v1/projects/default/tokens", {
        headers: { authorization: `Bearer ${hub.tokens.admin}` },
      });
      const { items } = (await answer.json()) as { items: { id: string; name: string }[] };
      return { id: items.find(({ name }) => name === "spare")?.id ?? "" };
    },
    missing: { id: "none" },
    bad: { params: { id: "NO%23ID" } },
  },
  { method: "GET", path: `${P}/credentials`, params: DEFAULT, status: 200, bad: badProject },
  {
    method: "PUT",
    path: `${P}/credentials/{name}`,
    params: { ...DEFAULT, name: "new" },
    body: { kind: "token", token: "secret" },
    status: 201,
    missing: { project: "none" },
    bad: { body: { kind: "token" } },
  },
  {
    method: "DELETE",
    path: `${P}/credentials/{name}`,
    params: { ...DEFAULT, name: "spent" },
    status: 204,
    prepare: async (hub) => {
      await hub.api.request("/v1/projects/default/credentials/spent", {
        method: "PUT",
        headers: { authorization: `Bearer ${hub.tokens.admin}`, "content-type": "application/json" },
        body: JSON.stringify({ kind: "token", token: "secret" }),
      });
    },
    missing: { name: "none" },
    bad: badName,
  },
  { method: "GET", path: `${P}/audit`, params: DEFAULT, status: 200, bad: badPage },
  { method: "GET", path: `${P}/audit/batches`, params: DEFAULT, status: 200, bad: { query: "after=x" } },
  { method: "GET", path: `${P}/audit/verify`, params: DEFAULT, status: 200, bad: { query: "after=x" } },
  {
    method: "GET",
    path: `${P}/clusters/{cluster}/apps/{app}/manifests`,
    params: { ...DEFAULT, cluster: "a", app: "shop" },
    missing: { app: "none" },
    bad: { query: "at=x" },
    elsewhere: "audit-log.test.ts",
  },
];

export const routeName = ({ method, path }: Pick<ApiRoute, "method" | "path">): string => `${method} ${path}`;

/** The URL with these params in the place of their names. */
export function urlOf(
  { path, params }: ApiRoute,
  change: Record<string, string> | void = {},
  query?: string,
): string {
  const all: Record<string, string> = { ...params, ...change };
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => all[name] ?? "");
  return query === undefined ? url : `${url}?${query}`;
}
