/**
 * The agent's chart on a test cluster: rendered by the real helm, applied, and its Pod's process run here with exactly
 * the arguments, the environment and the service account that the Deployment gives it.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import * as z from "zod";
import { AGENT_NODE_ARGS } from "../../agent/build.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import { startContainer, type AgentProcess } from "./agent-process.ts";
import type { Cluster } from "./kubernetes/cluster.ts";

export const CHART = new URL("../../agent/chart", import.meta.url).pathname;
export const ACCOUNT = "system:serviceaccount:fairlead-system:fairlead-agent";
const SYSTEM = "fairlead-system";
export const KUBE_VERSION = "1.34.4";

/** Output of helm, which is given the values as a file; throws what it says. */
export async function helm(
  args: readonly string[],
  values: object,
  namespace: string = SYSTEM,
): Promise<string> {
  const program = join(await ensureTool("helm"), "helm");
  return await new Promise((resolve, reject) => {
    const all = [...args, "--namespace", namespace, "--kube-version", KUBE_VERSION, "--values", "-"];
    const child = execFile(program, all, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${stdout}${stderr}`)),
    );
    child.stdin?.end(JSON.stringify(values));
  });
}

export const rendered = (values: object): Promise<string> =>
  helm(["template", "agent", CHART], { image: { repository: "registry.example/agent" }, ...values });

const manifestSchema = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });
export type Manifest = z.infer<typeof manifestSchema>;

export function manifestsIn(text: string): Manifest[] {
  const documents = parseAllDocuments(text).map((one) => one.toJS() as unknown);
  return documents.filter((one) => one !== null).map((one) => manifestSchema.parse(one));
}

const envSchema = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z
    .object({
      secretKeyRef: z.object({ name: z.string(), key: z.string(), optional: z.boolean().optional() }),
    })
    .optional(),
});
const deploymentSchema = z.object({
  spec: z.object({
    template: z.object({
      spec: z.looseObject({
        containers: z
          .array(
            z.looseObject({ args: z.array(z.string()).default([]), env: z.array(envSchema).default([]) }),
          )
          .length(1),
      }),
    }),
  }),
});

/** A namespace that admits restricted Pods alone, and the chart in it. */
export async function install(cluster: Cluster, text: string): Promise<void> {
  const enforce = { "pod-security.kubernetes.io/enforce": "restricted" };
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: SYSTEM, labels: enforce } };
  await kubectl(cluster, ["apply", "-f", "-"], JSON.stringify(namespace));
  await kubectl(cluster, ["apply", "-f", "-"], text);
}

export async function kubectl(cluster: Cluster, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, stdin);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Pods of the Deployment have a token and the CA mounted, and what the chart says in their environment. */
export async function startPod(cluster: Cluster, text: string): Promise<AgentProcess> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-pod-"));
  const token = await kubectl(cluster, ["create", "token", "fairlead-agent", "-n", SYSTEM]);
  await writeFile(join(folder, "token"), token);
  await copyFile(cluster.caFile, join(folder, "ca.crt"));
  const [container] = deploymentSchema.parse(manifestsIn(text).find(({ kind }) => kind === "Deployment")).spec
    .template.spec.containers;
  const { hostname, port } = new URL(cluster.url);
  const env = {
    PATH: process.env["PATH"],
    HOSTNAME: "pod-1",
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    ...(await environment(cluster, container?.env ?? [])),
  };
  const args = [...(container?.args ?? []), "--service-account", folder];
  const agent = await startContainer(AGENT_NODE_ARGS, args, env);
  return {
    ...agent,
    async kill(signal) {
      await agent.kill(signal);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function environment(
  cluster: Cluster,
  entries: readonly z.infer<typeof envSchema>[],
): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const { name, value, valueFrom } of entries) {
    const ref = valueFrom?.secretKeyRef;
    const found = ref === undefined ? value : await secretValue(cluster, ref.name, ref.key);
    if (found !== undefined) env[name] = found;
    else if (ref?.optional !== true) throw new Error(`no value for ${name}`);
  }
  return env;
}

async function secretValue(cluster: Cluster, name: string, key: string): Promise<string | undefined> {
  const args = ["get", "secret", name, "-n", SYSTEM, "--ignore-not-found", "-o", "json"];
  const text = await kubectl(cluster, args);
  if (text === "") return undefined;
  const { data } = z.object({ data: z.record(z.string(), z.string()) }).parse(JSON.parse(text));
  return data[key] === undefined ? undefined : Buffer.from(data[key], "base64").toString("utf8");
}

export interface Ask {
  verb: string;
  /** `secrets`, `roles.rbac.authorization.k8s.io`, `serviceaccounts/token`. */
  resource: string;
  /** Absent: in the whole cluster. */
  namespace?: string;
  name?: string;
}

/** What the API server says that the agent's service account may, in the order of the questions. */
export async function may(cluster: Cluster, asks: readonly Ask[], user = ACCOUNT): Promise<boolean[]> {
  const reviews = asks.map(({ verb, resource, namespace, name }) => {
    const [kind = "", subresource] = resource.split("/");
    const [plural, ...group] = kind.split(".");
    const resourceAttributes = {
      verb,
      group: group.join("."),
      resource: plural,
      subresource,
      namespace,
      name,
    };
    const groups = [
      "system:serviceaccounts",
      `system:serviceaccounts:${user.split(":")[2]}`,
      "system:authenticated",
    ];
    return JSON.stringify({
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: { user, groups, resourceAttributes },
    });
  });
  const format = 'jsonpath={.status.allowed}{"\\n"}';
  const said = await kubectl(cluster, ["create", "-f", "-", "-o", format], reviews.join("\n---\n"));
  return said
    .trim()
    .split("\n")
    .map((line) => line === "true");
}
