/**
 * A real Kubernetes control plane on loopback, with no container engine: etcd, the API server and, unless told
 * otherwise, the controllers, the scheduler and KWOK, which plays nodes whose pods become Ready.
 *
 * Several may run at once. No process outlives the one that started it, and nothing is left on disk unless a
 * data folder was given.
 */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Api, call, create, startMsMax, waitFor } from "./api.ts";
import { type Start, startApiserver } from "./apiserver.ts";
import {
  admin,
  agent,
  type Identity,
  prepareCredentials,
  type User,
  writeKubeconfigs,
} from "./credentials.ts";
import { controllerManagerFlags, etcdFlags, kwokFlags, type Layout, schedulerFlags } from "./flags.ts";
import { type KubectlResult, runKubectl } from "./kubectl.ts";
import { joinNodes } from "./nodes.ts";
import { findPrograms, type Programs } from "./programs.ts";
import { death, type Server, startServer } from "./server.ts";

export type ClusterOptions = {
  /** Names the context in the kubeconfig and the temporary folder: lower-case letters, digits, dashes. */
  name: string;
  /** Keeps all data here, so that the next start goes on where this one stopped. Default: a temporary folder. */
  dataDir?: string;
  /** Nodes that KWOK plays; 1 by default. */
  nodes?: number;
  /**
   * `false` leaves the API server and etcd only: half the memory, but nothing becomes Ready, nothing is
   * collected, and the aggregated roles (view, edit, admin) stay empty.
   */
  controllers?: boolean;
  /** Users beside the administrator, who may do only what RBAC grants; by default `agent` of `fairlead:agents`. */
  users?: readonly User[];
};

export type Cluster = {
  name: string;
  url: string;
  caFile: string;
  /** The administrator's, in `system:masters`. */
  token: string;
  kubeconfigFile: string;
  /** What another user of this cluster connects with; throws on a user it was not started with. */
  identity(user: string): Identity;
  kubectl(args: readonly string[], stdin?: string): Promise<KubectlResult>;
  /** Creates a namespace with a name of its own, and waits until pods can be made in it. */
  namespace(prefix?: string): Promise<string>;
  stop(): Promise<void>;
};

const nodesMax = 1_000;

/** Starts a cluster and returns once its nodes are Ready; throws with a server's last words when one dies. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { name, controllers = true, nodes = 1 } = options;
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name))
    throw new Error(`cluster name "${name}": take a-z, 0-9, -, at most 40`);
  if (nodes < 0 || nodes > nodesMax) throw new Error(`${nodes} nodes: take 0 to ${nodesMax}`);
  const programs = await findPrograms(process.env["KUBEBUILDER_ASSETS"], controllers);
  const sockets = await mkdtemp(join(tmpdir(), "fairlead-k8s-"));
  const layout = await prepareFolder(resolve(options.dataDir ?? sockets), sockets);
  const tokens = await prepareCredentials(layout, [admin, ...(options.users ?? [agent])]);

  const start = starter(programs, layout);
  const servers: Server[] = [];
  const stop = once(async () => {
    // etcd last: the others log a storm of errors when it goes first.
    const [etcd, ...others] = servers;
    await Promise.all(others.map((server) => server.stop()));
    await etcd?.stop();
    await rm(sockets, { recursive: true, force: true });
  });
  try {
    servers.push(start("etcd", etcdFlags(layout, options.dataDir !== undefined), sockets));
    const { server, api } = await startApiserver(
      start,
      layout,
      tokens.get(admin.name) ?? "",
      controllers,
      servers,
    );
    servers.push(server);
    const identities = await writeKubeconfigs(layout, name, api.url, tokens);
    if (controllers) {
      servers.push(start("kube-controller-manager", controllerManagerFlags(layout)));
      servers.push(start("kube-scheduler", schedulerFlags(layout)));
      servers.push(start("kwok", kwokFlags(layout)));
      await joinNodes(api, nodes, death(servers));
    }
    return clusterOf(name, layout, api, { identities, programs, controllers, stop, servers });
  } catch (error) {
    await stop();
    throw error;
  }
}

function starter(programs: Programs, layout: Layout): Start {
  return (program, args, removeAfter) =>
    startServer(programs.leash, {
      name: program,
      program: programs[program],
      args,
      cwd: layout.folder,
      logFile: join(layout.folder, `${program}.log`),
      ...(removeAfter === undefined ? {} : { removeAfter }),
    });
}

async function prepareFolder(folder: string, sockets: string): Promise<Layout> {
  await mkdir(join(folder, "etcd"), { recursive: true, mode: 0o700 });
  const certificates = join(folder, "certificates");
  return {
    folder,
    socket: join(sockets, "etcd.sock"),
    certificates,
    caFile: join(certificates, "apiserver.crt"),
    kubeconfigFile: join(folder, "kubeconfig"),
    tokensFile: join(folder, "tokens.csv"),
    signingKeyFile: join(folder, "service-accounts.key"),
    publicKeyFile: join(folder, "service-accounts.pub"),
  };
}

type Parts = {
  identities: ReadonlyMap<string, Identity>;
  programs: Programs;
  controllers: boolean;
  servers: readonly Server[];
  stop: () => Promise<void>;
};

function clusterOf(name: string, layout: Layout, api: Api, parts: Parts): Cluster {
  const { caFile, kubeconfigFile, folder } = layout;
  return {
    name,
    url: api.url,
    caFile,
    token: api.token,
    kubeconfigFile,
    identity: (user) => {
      const found = parts.identities.get(user);
      if (found === undefined)
        throw new Error(`cluster ${name} has no user "${user}": name it in startCluster's users`);
      return found;
    },
    kubectl: (args, stdin) =>
      runKubectl(
        parts.programs.kubectl,
        ["--kubeconfig", kubeconfigFile, "--cache-dir", join(folder, "kubectl"), ...args],
        stdin,
      ),
    namespace: async (prefix = "test") => {
      const namespace = `${prefix}-${randomBytes(4).toString("hex")}`;
      await create(api, "/api/v1/namespaces", { metadata: { name: namespace } });
      if (parts.controllers) await waitForServiceAccount(api, namespace, death(parts.servers));
      return namespace;
    },
    stop: parts.stop,
  };
}

async function waitForServiceAccount(api: Api, namespace: string, until: Promise<never>): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  const made = async () => (await call(api, "GET", path)).status === 200 || "none";
  await waitFor(`the service account of ${namespace}`, startMsMax, made, until);
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
