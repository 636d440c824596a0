/**
 * Where the API server is and how to prove who we are: from inside a cluster (the mounted service account), or
 * from a kubeconfig. The kubeconfig reader is heavy and loaded only when asked for: an agent in a cluster never is.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { KubeAddress } from "./wire.ts";

const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The kubelet rotates the token long before it ends; a minute keeps reads rare. */
const TOKEN_KEPT_MS = 60_000;

interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`. */
  host: string;
  port: string;
  folder?: string;
}

export async function inCluster(options: InClusterOptions): Promise<KubeAddress> {
  const folder = options.folder ?? SERVICE_ACCOUNT_FOLDER;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    server: `https://${host}:${options.port}`,
    ca: await readFile(join(folder, "ca.crt"), "utf8"),
    authorization: tokenFrom(join(folder, "token")),
  };
}

/** Reads the file again when a minute has passed, or at once when the server refused the token. */
export function tokenFrom(file: string): (fresh: boolean) => Promise<string> {
  let held: { token: string; at: number } | undefined;
  return async (fresh) => {
    if (held === undefined || fresh || performance.now() - held.at >= TOKEN_KEPT_MS)
      held = { token: (await readFile(file, "utf8")).trim(), at: performance.now() };
    return `Bearer ${held.token}`;
  };
}

/**
 * A context of a kubeconfig, the current one by default; client certificates, tokens, exec plugins and OIDC as the
 * official client knows them. `file` undefined: `KUBECONFIG` or `~/.kube/config`.
 */
export async function fromKubeconfig(file: string | undefined, context?: string): Promise<KubeAddress> {
  const module = await import("@kubernetes/client-node/dist/config.js");
  const config = new module.KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  if (context !== undefined) {
    const known = config.getContexts().map((one) => one.name);
    if (!known.includes(context))
      throw new Error(`no context ${context} in the kubeconfig; it has ${known.join(", ")}`);
    config.setCurrentContext(context);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new Error(`context ${config.getCurrentContext()} of the kubeconfig names no cluster`);
  if (cluster.proxyUrl !== undefined)
    throw new Error(
      `cluster ${cluster.name} wants proxy-url, which is not spoken here; give a context without one`,
    );
  return addressFrom(config, cluster);
}

type Cluster = NonNullable<ReturnType<KubeConfig["getCurrentCluster"]>>;

async function addressFrom(config: KubeConfig, cluster: Cluster): Promise<KubeAddress> {
  const options = await optionsOf(config);
  return {
    server: cluster.server,
    ca: textOf(options.ca),
    cert: textOf(options.cert),
    key: textOf(options.key),
    serverName: cluster.tlsServerName,
    skipTlsVerify: cluster.skipTLSVerify,
    // Plugins keep and renew their own tokens; the config asks them each time.
    authorization: async () => headerOf((await optionsOf(config)).headers),
  };
}

async function optionsOf(config: KubeConfig): Promise<Parameters<KubeConfig["applyToHTTPSOptions"]>[0]> {
  const options: Parameters<KubeConfig["applyToHTTPSOptions"]>[0] = {};
  await config.applyToHTTPSOptions(options);
  return options;
}

function headerOf(headers: unknown): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  const found = Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization")?.[1];
  return typeof found === "string" ? found : undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : undefined;
}
