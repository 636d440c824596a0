/** Fleets for the page's tests, as the hub would answer them: everything passes the API's own schemas. */
import { fleetViewSchema, type FleetView } from "#core/view.ts";

export const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const MINUTE_MS = 60_000;
const SHAS = [
  "4f1c0de2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4",
  "9be1a77c0ffee1234567890abcdef1234567890a",
  "c0dec0dec0dec0dec0dec0dec0dec0dec0dec0de",
];

export function release(app: string, n: number, message: string, author = "Ada Byron") {
  return {
    project: "default",
    app,
    release: n,
    epoch: 1,
    reason: "commit",
    commit: SHAS[n % SHAS.length] ?? "",
    author,
    message,
    tree: "t",
    appVersion: 1,
    inputs: "i",
    targets: "x",
    targetCount: 3,
    changed: 3,
    removed: 0,
    at: NOW - (10 - n) * 7 * MINUTE_MS,
  };
}

export function rollout(
  app: string,
  n: number,
  total: number,
  settled: number,
  state: unknown = { kind: "running" },
) {
  return {
    project: "default",
    app,
    release: n,
    commit: SHAS[n % SHAS.length] ?? "",
    targets: "x",
    total,
    stages: [{ name: "all", from: 0, to: total, maxUnavailable: 2 }],
    released: Math.min(total, settled + 2),
    settled,
    fence: 1,
    deadlineMs: 600_000,
    state,
    startedAt: NOW - 3 * MINUTE_MS,
    version: 1,
  };
}

export function cluster(name: string, labels: Record<string, string> = {}, rest: object = {}) {
  return {
    resource: {
      apiVersion: "fairlead.dev/v1",
      kind: "Cluster",
      metadata: { name, labels },
      spec: { simulated: name.startsWith("sim") },
    },
    version: 1,
    registered: true,
    silent: false,
    heardAt: NOW - 20_000,
    agent: "fairlead-agent/0.1.0",
    kubernetes: "v1.34.4",
    ...rest,
  };
}

export function placement(app: string, on: string, n: number, observed: object = {}, detail?: object) {
  return {
    project: "default",
    app,
    cluster: on,
    assigned: { action: "apply", epoch: 1, generation: n, release: n, bundle: "b", at: NOW - 3 * MINUTE_MS },
    observed: {
      seq: 4,
      epoch: 1,
      generation: n,
      release: n,
      phase: "healthy",
      message: "4 objects are healthy",
      objects: 4,
      outcomes: { unchanged: 4 },
      drift: 0,
      at: NOW - 2 * MINUTE_MS,
      ...observed,
    },
    ...(detail === undefined ? {} : { detail: { failures: [], drift: [], ...detail } }),
  };
}

export function app(name: string, state: object = {}, rest: object = {}) {
  return {
    resource: {
      apiVersion: "fairlead.dev/v1",
      kind: "App",
      metadata: { name },
      spec: { source: "fleet", path: `apps/${name}`, clusters: {} },
    },
    version: 1,
    deleting: false,
    state: { release: 3, commit: SHAS[0], active: true, ...state },
    ...rest,
  };
}

export function source(name: string, state?: object) {
  return {
    resource: {
      apiVersion: "fairlead.dev/v1",
      kind: "Source",
      metadata: { name },
      spec: { git: { url: `https://git.example.com/acme/${name}.git`, ref: { branch: "main" } } },
    },
    version: 1,
    ...(state === undefined ? {} : { state }),
  };
}

export const readState = {
  kind: "read",
  commit: SHAS[0],
  author: "Ada Byron",
  email: "ada@example.com",
  message: "Raise the shop's replicas for the sale\n\nLong body.",
  committedAt: NOW - 8 * MINUTE_MS,
  tree: "t",
  at: NOW - 7 * MINUTE_MS,
};

export function fleet(
  parts: { clusters?: unknown[]; sources?: unknown[]; apps?: unknown[]; audit?: unknown } = {},
): FleetView {
  return fleetViewSchema.parse({ at: NOW, clusters: [], sources: [], apps: [], ...parts });
}

const drift = {
  object: "Deployment shop/web",
  fields: [
    { path: "/spec/replicas", before: "3", after: "9" },
    { path: "/spec/template/spec/containers/0/image", before: "web:1.4.2", after: "web:debug" },
  ],
  by: "kubectl-edit",
  at: NOW - 4 * MINUTE_MS,
  restored: true,
};

export const audit = {
  project: "default",
  slot: "2026-11-21T11:55:00.000Z",
  at: NOW - 5 * MINUTE_MS,
  clusters: 8,
  placements: 14,
  drifted: [{ app: "shop", cluster: "eu-prod-1", total: 1, objects: [drift] }],
  silent: [{ cluster: "ap-prod-1", heardAt: NOW - 50 * MINUTE_MS }],
  offRelease: [
    {
      app: "shop",
      cluster: "us-prod-1",
      has: 2,
      wants: 3,
      why: "failed: Deployment shop/web: image cannot be pulled",
    },
  ],
};

/** Two Apps on eight clusters: one rolling out and halted, one whose newest commit does not parse, drift, a silent cluster. */
export function busyFleet(): FleetView {
  const names = [
    "eu-prod-1",
    "eu-prod-2",
    "us-prod-1",
    "ap-prod-1",
    "sim-dev-1",
    "sim-dev-2",
    "sim-staging-1",
  ];
  const clusters = names.map((name) =>
    cluster(
      name,
      { env: name.split("-")[1] ?? "", region: name.split("-")[0] ?? "" },
      name === "ap-prod-1" ? { silent: true, heardAt: NOW - 50 * MINUTE_MS } : {},
    ),
  );
  const shop = names.map((name) => {
    if (name === "us-prod-1")
      return placement(
        "shop",
        name,
        3,
        { release: 3, phase: "failed", message: "1 of 4 objects failed" },
        {
          failures: [
            {
              object: "Deployment shop/web",
              reason: "container web: image registry.example.com/web:1.5.0 cannot be pulled",
            },
          ],
        },
      );
    if (name === "ap-prod-1")
      return { ...placement("shop", name, 3), observed: placement("shop", name, 2).observed };
    if (name === "eu-prod-1") return placement("shop", name, 3, { drift: 1 }, { drift: [drift] });
    if (name === "sim-dev-2")
      return placement("shop", name, 3, {
        phase: "progressing",
        message: "Deployment shop/web: 1 of 3 replicas are available",
      });
    return placement("shop", name, 3);
  });
  const error = {
    commit: SHAS[2],
    message: "mapping values are not allowed here",
    file: "apps/base/ingress.yaml",
    line: 14,
  };
  return fleet({
    clusters: [
      ...clusters,
      cluster(
        "edge-1",
        {},
        { registered: false, heardAt: undefined, agent: undefined, kubernetes: undefined },
      ),
    ],
    sources: [
      source("fleet", readState),
      source("charts", {
        kind: "failed",
        code: "unreachable",
        message: "git.example.com does not answer within 30 s",
        at: NOW - 12 * MINUTE_MS,
      }),
    ],
    apps: [
      {
        app: app("shop"),
        releases: [
          release("shop", 3, "Raise the shop's replicas for the sale"),
          release("shop", 2, "Move the shop to web 1.4.2", "Grace H."),
          release("shop", 1, "First version"),
        ],
        rollout: rollout("shop", 3, 7, 2, {
          kind: "halted",
          reason: "us-prod-1: Deployment shop/web: image cannot be pulled",
        }),
        placements: shop,
      },
      {
        app: app("base", { release: 2, error }),
        releases: [release("base", 2, "Ingress class nginx")],
        rollout: rollout("base", 2, 7, 7, { kind: "succeeded", at: NOW - 60 * MINUTE_MS, silent: 1 }),
        placements: names.map((name) => placement("base", name, 2)),
      },
    ],
    audit,
  });
}

/** One App rolling out over `count` clusters, simulated, a few of them under way. */
export function largeFleet(count: number): FleetView {
  const names = Array.from({ length: count }, (_, at) => `sim-${String(at + 1).padStart(3, "0")}`);
  const placements = names.map((name, at) => {
    if (at < 3)
      return placement("shop", name, 3, {
        phase: "progressing",
        message: "Deployment shop/web: 1 of 3 replicas are available",
      });
    if (at === 7)
      return placement("shop", name, 3, {
        phase: "refused",
        message: "statement: its signature does not fit any key of this hub",
      });
    return placement("shop", name, at < count - 10 ? 3 : 2);
  });
  return fleet({
    clusters: names.map((name, at) =>
      cluster(name, { env: at % 3 === 0 ? "prod" : "dev", region: at % 2 === 0 ? "eu" : "us" }),
    ),
    sources: [source("fleet", readState)],
    apps: [
      {
        app: app("shop"),
        releases: [release("shop", 3, "Raise the shop's replicas for the sale"), release("shop", 2, "Older")],
        rollout: rollout("shop", 3, count, 0),
        placements,
      },
    ],
  });
}
