/**
 * Flags and environment of the agent process, parsed once. A flag outweighs its variable; a value that is wrong is
 * named with what is allowed. The token never stands in an error.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { durationMs, durationSchema } from "#core/duration.ts";
import { AGENT_OPTIONS, type AgentOptions } from "./deps.ts";

export const USAGE = `fairlead-agent: pulls this cluster's desired state and keeps it

  --kubeconfig FILE    the cluster's kubeconfig; without it the mounted service account is used
  --service-account DIR  where a Pod has its token and CA mounted
  --context NAME       a context of the kubeconfig (default: its current one)
  --token TOKEN        registration token, needed on the first start only   [FAIRLEAD_TOKEN]
  --token-file FILE    the same, from a file                                [FAIRLEAD_TOKEN_FILE]
  --drift-every TIME   between two full comparisons; watches see most, 1h   [FAIRLEAD_DRIFT_EVERY]
  --heartbeat TIME     between two heartbeats, 5m                           [FAIRLEAD_HEARTBEAT]
  --rotate-every TIME  age at which its key is replaced, 30d                [FAIRLEAD_ROTATE_EVERY]
  --lease TIME         lead only with a Lease of this length, 24s or so     [FAIRLEAD_LEASE]
  --watch WHERE        cluster, or namespaces where it may read no others   [FAIRLEAD_WATCH]
  --listen HOST:PORT   serves /healthz, /readyz and /metrics                [FAIRLEAD_LISTEN]
  --no-placements      does not show placements in the cluster
  --help

HTTPS_PROXY and NO_PROXY count on the way to the hub, NODE_EXTRA_CA_CERTS adds authorities that vouch for it.
`;

export interface AgentConfig {
  kind: "run";
  kube:
    | { kind: "in-cluster"; host: string; port: string; folder?: string }
    | { kind: "kubeconfig"; file: string | undefined; context: string | undefined };
  token: string | undefined;
  /** Several replicas: this one leads, or waits, as `host`. */
  lease: { ms: number; host: string } | undefined;
  /** On the way to the hub; never to the API server. */
  proxy: Readonly<Record<string, string | undefined>>;
  /** Absent: nothing is served. */
  listen?: { host: string; port: number };
  options: AgentOptions;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Throws with one sentence on what is wrong. */
export function parseConfig(argv: readonly string[], env: Env): AgentConfig | { kind: "help" } {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: {
      kubeconfig: text,
      context: text,
      "service-account": text,
      token: text,
      "token-file": text,
      "drift-every": text,
      heartbeat: text,
      "rotate-every": text,
      lease: text,
      watch: text,
      listen: text,
      "no-placements": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return { kind: "help" };
  return {
    kind: "run",
    kube: kubeFrom(values, env),
    token: tokenFrom(values.token, values["token-file"], env),
    lease: leaseFrom(values.lease ?? env["FAIRLEAD_LEASE"], env),
    proxy: {
      HTTPS_PROXY: env["https_proxy"] ?? env["HTTPS_PROXY"],
      NO_PROXY: env["no_proxy"] ?? env["NO_PROXY"],
    },
    ...listenFrom(values.listen ?? env["FAIRLEAD_LISTEN"]),
    options: {
      ...AGENT_OPTIONS,
      placements: values["no-placements"] !== true,
      watchWithin: watchFrom(values.watch ?? env["FAIRLEAD_WATCH"]),
      driftEveryMs: duration(
        "drift-every",
        values["drift-every"] ?? env["FAIRLEAD_DRIFT_EVERY"],
        AGENT_OPTIONS.driftEveryMs,
      ),
      heartbeatMs: duration(
        "heartbeat",
        values.heartbeat ?? env["FAIRLEAD_HEARTBEAT"],
        AGENT_OPTIONS.heartbeatMs,
      ),
      rotateEveryMs: duration(
        "rotate-every",
        values["rotate-every"] ?? env["FAIRLEAD_ROTATE_EVERY"],
        AGENT_OPTIONS.rotateEveryMs,
        ageSchema,
      ),
    },
  };
}

interface KubeFlags {
  kubeconfig?: string | undefined;
  context?: string | undefined;
  "service-account"?: string | undefined;
}

function kubeFrom(flags: KubeFlags, env: Env): AgentConfig["kube"] {
  const { kubeconfig: file, context, "service-account": folder } = flags;
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (file !== undefined || context !== undefined || host === undefined)
    return { kind: "kubeconfig", file, context };
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "443";
  return { kind: "in-cluster", host, port, ...(folder === undefined ? {} : { folder }) };
}

/** `127.0.0.1:8080`, `[::1]:8080`, or `:8080` for every address. */
function listenFrom(text = ""): Pick<AgentConfig, "listen"> {
  if (text === "") return {};
  const [, six, host = six, digits] = /^(?:\[([\da-f:]+)\]|([\w.-]*)):(\d{1,5})$/i.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535)
    throw new Error("--listen must be HOST:PORT, such as 127.0.0.1:8080");
  return { listen: { host: host === undefined || host === "" ? "::" : host, port } };
}

function tokenFrom(token: string | undefined, file: string | undefined, env: Env): string | undefined {
  const path = file ?? (token === undefined ? env["FAIRLEAD_TOKEN_FILE"] : undefined);
  const text = path === undefined ? (token ?? env["FAIRLEAD_TOKEN"]) : readFileSync(path, "utf8");
  return text === undefined || text.trim() === "" ? undefined : text.trim();
}

function watchFrom(text = "cluster"): AgentOptions["watchWithin"] {
  if (text === "cluster" || text === "namespaces") return text;
  throw new Error("--watch must be cluster or namespaces");
}

function leaseFrom(text: string | undefined, env: Env): AgentConfig["lease"] {
  if (text === undefined) return undefined;
  return { ms: duration("lease", text, 0, leaseSchema), host: env["HOSTNAME"] ?? "agent" };
}

const DAY_MS = 86_400_000;
const intervalSchema = durationSchema(100, DAY_MS);
const leaseSchema = durationSchema(2_000, 600_000);
const ageSchema = durationSchema(60_000, 366 * DAY_MS);

function duration(
  flag: string,
  text: string | undefined,
  defaultMs: number,
  schema: typeof intervalSchema = intervalSchema,
): number {
  if (text === undefined) return defaultMs;
  const parsed = schema.safeParse(text);
  if (parsed.success) return durationMs(parsed.data);
  throw new Error(`--${flag} ${parsed.error.issues[0]?.message ?? "is no duration"}`);
}
