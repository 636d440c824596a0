/**
 * People's API in process over one project with something of everything, a second project with an admin of its own, and
 * tokens of several kinds of caller. What is written is counted, so that a refusal can be shown to write nothing.
 */
import { expect } from "vitest";
import { ROLES } from "#core/access.ts";
import { UNMOVED } from "#core/rollout.ts";
import { auditProject } from "../../functions/audit/drift-audit.ts";
import { buildApp, type ApiDeps } from "../../functions/api/app.ts";
import { putTargets } from "../../functions/release/content.ts";
import { assign } from "../../functions/store/placement.ts";
import { createRelease } from "../../functions/store/rollout.ts";
import { apiToken } from "./caller.ts";
import { app, cluster, plainParts, source, type PlainParts } from "./hub-parts.ts";

export interface ApiHub extends PlainParts {
  api: ReturnType<typeof buildApp>;
  /** Bearers: of the hub's admin, of another project's admin, of a viewer of `default`, of nobody. */
  tokens: { admin: string; other: string; viewer: string; wrong: string };
  /** The same API with other limits, or over another table. */
  build(change: Partial<ApiDeps>): ReturnType<typeof buildApp>;
  logged: Record<string, unknown>[];
}

const OFTEN = { perSecond: 100_000, burst: 100_000 };
const COMMIT = "c".repeat(40);

const policy = {
  kind: "Policy",
  metadata: { name: "images" },
  spec: { validations: [{ expression: "true", message: "is always fine" }] },
};

const promotion = {
  kind: "Promotion",
  metadata: { name: "shop-prod" },
  spec: {
    from: { app: "shop" },
    to: { source: "fleet", path: "prod" },
    change: { copy: ["apps/**"] },
    host: { kind: "gitea" },
  },
};

export async function apiHub(): Promise<ApiHub> {
  const parts = await plainParts();
  const logged: Record<string, unknown>[] = [];
  const deps: ApiDeps = {
    ...parts,
    log: (entry) => void logged.push(entry),
    hubUrl: "http://127.0.0.1:1",
    limits: { reads: OFTEN, writes: OFTEN },
  };
  await parts.apply(source, app(), cluster("a", { team: "web" }), cluster("b"), policy, promotion);
  await parts.apply({ kind: "Project", metadata: { name: "other" } });
  await release(parts);
  await auditProject({ ...parts, slotMs: 60_000 }, "default");
  const now = parts.now();
  const token = (project: string, name: string, rules: (typeof ROLES)[keyof typeof ROLES]) =>
    apiToken(parts.db, { project, name, rules, now });
  return {
    ...parts,
    api: buildApp(deps),
    build: (change) => buildApp({ ...deps, ...change }),
    tokens: {
      admin: await token("fairlead", "admin", ROLES.admin),
      other: await token("other", "other", ROLES.admin),
      viewer: await token("default", "viewer", ROLES.viewer),
      wrong: "fairlead_wrong",
    },
    logged,
  };
}

/** Release 1 of App `shop`, on its way to cluster `a`. */
async function release({ db, objects, now }: PlainParts): Promise<void> {
  const at = now();
  const target = {
    cluster: "a",
    action: "apply",
    order: "o".repeat(64),
    bundle: { digest: "b".repeat(64), size: 1 },
    epoch: 1,
    generation: 1,
    release: 1,
    carried: false,
    statement: "s",
  } as const;
  const targets = await putTargets(objects, [target]);
  const common = { project: "default", app: "shop", release: 1, commit: COMMIT, targets };
  const made = await createRelease(
    db,
    {
      ...common,
      epoch: 1,
      reason: "commit",
      author: "Ada",
      message: "first",
      tree: "t".repeat(64),
      appVersion: 1,
      inputs: "i".repeat(64),
      targetCount: 1,
      changed: 1,
      removed: 0,
      at,
    },
    {
      ...common,
      ...UNMOVED,
      total: 1,
      stages: [{ name: "rest", from: 0, to: 1, maxUnavailable: 1 }],
      released: 1,
      out: [0],
      deadlineMs: 600_000,
      state: { kind: "running" },
      startedAt: at,
      version: 1,
    },
    {
      project: "default",
      app: "shop",
      version: 1,
      epoch: 1,
      generation: 1,
      inputs: "i".repeat(64),
      lookedAt: at,
      release: 1,
      commit: COMMIT,
      active: true,
    },
    undefined,
    undefined,
  );
  expect(made).toBe("written");
  await assign(db, "default", "shop", target, at);
}

export interface Asked {
  method: string;
  url: string;
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

export function ask(api: ApiHub["api"], { method, url, token, body, headers }: Asked): Promise<Response> {
  const init: RequestInit = {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  };
  return Promise.resolve(api.request(url, init));
}

const READS = new Set(["get", "query", "batch-get"]);

/** Operations that wrote since the last call. */
export function writes(hub: Pick<PlainParts, "units">): string[] {
  return Object.keys(hub.units()).filter((operation) => !READS.has(operation));
}

/** Asks what must be refused with `status`, and shows that nothing was written and the answer is a problem. */
export async function refused(
  hub: ApiHub,
  asked: Asked,
  status: number,
  api: ApiHub["api"] = hub.api,
): Promise<{ code: string; detail: string }> {
  writes(hub);
  const answer = await ask(api, asked);
  const text = await answer.text();
  expect([asked.method, asked.url, answer.status, text]).toEqual([
    asked.method,
    asked.url,
    status,
    expect.stringContaining(`"status":${status}`),
  ]);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.headers.get("fairlead-request")).toMatch(/^[\w.:-]{8,64}$/);
  expect([asked.method, asked.url, writes(hub)]).toEqual([asked.method, asked.url, []]);
  return JSON.parse(text) as { code: string; detail: string };
}
