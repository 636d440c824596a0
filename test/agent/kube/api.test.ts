import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKubeApi, type KubeApi } from "../../../agent/kube/api.ts";
import { fromKubeconfig, tokenFrom } from "../../../agent/kube/connect.ts";
import { KubeError, type Address } from "../../../agent/kube/port.ts";
import {
  apiSchemas,
  apiSchemasSchema,
  mergeSchemas,
  NO_SCHEMAS,
  type ApiSchemas,
} from "#core/api-schemas.ts";
import { canonicalJson } from "#core/digest.ts";
import { APIS_BODY_BYTES_MAX } from "#core/limits.ts";
import type { KubeObject } from "#core/object.ts";
import { misfitsOf } from "#core/schema-check.ts";
import { kubeConformance, type KubeUnderTest } from "../../conformance/kube.ts";
import { kubeWatchConformance } from "../../conformance/kube-watch.ts";
import { startCluster, type Cluster } from "../../support/kubernetes/cluster.ts";
import { until } from "../../support/wait.ts";

const FORCE = { dryRun: false, force: true };
let cluster: Cluster;
let kube: KubeApi;

beforeAll(async () => {
  cluster = await startCluster({ name: "kube-api" });
  kube = createKubeApi({
    server: cluster.url,
    ca: await readFile(cluster.caFile, "utf8"),
    authorization: async () => `Bearer ${cluster.token}`,
  });
}, 180_000);

afterAll(async () => {
  await kube?.close();
  await cluster?.stop();
});

async function edit(address: Address, patch: Record<string, unknown>): Promise<void> {
  const { kind, namespace, name } = address;
  const flags = ["--type=merge", "--field-manager=kubectl-edit", "-p", JSON.stringify(patch)];
  const done = await cluster.kubectl(["patch", kind.toLowerCase(), name, "-n", namespace, ...flags]);
  expect(done.stderr).toBe("");
}

const open = (): KubeUnderTest => ({ kube, edit, namespace: () => cluster.namespace("kube-api") });
kubeConformance("API server", open, { controllers: true });
kubeWatchConformance("API server", open);

const oldtimers: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "oldtimers.old.example" },
  spec: {
    group: "old.example",
    scope: "Namespaced",
    names: { kind: "Oldtimer", plural: "oldtimers" },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
  },
};

describe("a watch on a real server", () => {
  it("calls a version too old that the server has forgotten", async () => {
    // What the server keeps of a kind's history begins when the kind is defined: version 1 was long before.
    await kube.apply(oldtimers, FORCE);
    const selection = { apiVersion: "old.example/v1", kind: "Oldtimer", label: "nobody-bears-this" };
    await until("the kind is served", () => kube.scopeOf(selection.apiVersion, selection.kind));
    const from = { version: "1", forMs: 5_000, signal: AbortSignal.timeout(60_000) };
    // A server that has only just begun to keep it asks for patience first.
    const gone = await until("the server calls it gone", async () => {
      const old = kube.watchMetadata(selection, from)[Symbol.asyncIterator]();
      const end: unknown = await old.next().catch((error: unknown) => error);
      return end instanceof KubeError && end.status === 410 ? end : undefined;
    });
    expect(gone.passing).toBe(false);
  }, 60_000);
});

const config = (namespace: string, name: string, data: Record<string, unknown>): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});

describe("the shapes that a real server tells", () => {
  let schemas: ApiSchemas = NO_SCHEMAS;
  beforeAll(async () => {
    for await (const document of kube.openapi()) schemas = mergeSchemas(schemas, apiSchemas(document));
  });

  it("are small, and fit what the server itself keeps", async () => {
    const text = canonicalJson(schemas);
    expect(apiSchemasSchema.parse(JSON.parse(text))).toEqual(schemas);
    expect(Buffer.byteLength(text)).toBeLessThan(APIS_BODY_BYTES_MAX / 2);
    const kinds = [
      "namespaces",
      "serviceaccounts",
      "configmaps",
      "clusterroles",
      "clusterrolebindings",
      "roles",
    ];
    const more = [
      "services",
      "endpointslices",
      "flowschemas",
      "prioritylevelconfigurations",
      "priorityclasses",
    ];
    const done = await cluster.kubectl(["get", [...kinds, ...more].join(), "-A", "-o", "json"]);
    const { items } = JSON.parse(done.stdout) as { items: KubeObject[] };
    expect(items.length).toBeGreaterThan(50);
    expect(
      items.flatMap((item) => misfitsOf(item, schemas).map(({ message }) => `${item.kind}: ${message}`)),
    ).toEqual([]);
  });

  it("refuse what the server refuses, and no more", async () => {
    const within = await cluster.namespace("kube-api");
    const container = { name: "web", image: "web:1", ports: [{ containerPort: 80 }] };
    const workload = (spec: object): KubeObject => ({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "shaped", namespace: within },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: { metadata: { labels: { app: "web" } }, spec: { containers: [container] } },
        ...spec,
      },
    });
    const ingress = (port: unknown): KubeObject => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "shaped", namespace: within },
      spec: { ports: [{ port: 80, targetPort: port }] },
    });
    const objects = [
      workload({}),
      workload({ replicas: 2, strategy: null }),
      workload({ replicas: "2" }),
      workload({ paused: "true" }),
      workload({ revisionHistoryLimit: 1.5 }),
      workload({ selector: { matchLabels: { app: 1 } } }),
      ingress("http"),
      ingress(8080),
      ingress(true),
      { ...config(within, "shaped", { a: 1 }) },
      { ...config(within, "shaped", { a: "1" }) },
    ];
    for (const object of objects) {
      const dry = { dryRun: true, force: true };
      const taken = await kube.apply(object, dry).then(
        () => true,
        () => false,
      );
      const errors = misfitsOf(object, schemas).filter(({ level }) => level === "error");
      expect([object["spec"] ?? object["data"], errors.length === 0]).toEqual([
        object["spec"] ?? object["data"],
        taken,
      ]);
    }
  });
});

describe("createKubeApi on a real server", () => {
  it("passes on the server's own reason for what it refuses, as not worth another try", async () => {
    const within = await cluster.namespace("kube-api");
    const wrong = await kube.apply(config(within, "x", { a: 1 }), FORCE).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ status: 422, reason: "Invalid", passing: false });
    expect(String(wrong)).toContain("data.a");
    const invalid: KubeObject = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "UPPER", namespace: within },
      spec: { ports: [{ port: 0 }] },
    };
    const refused = await kube.apply(invalid, FORCE).catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 422, reason: "Invalid", passing: false });
    expect(String(refused)).toContain("metadata.name");
  });
  it("calls a 401 what it is", async () => {
    const ca = await readFile(cluster.caFile, "utf8");
    const stranger = createKubeApi({ server: cluster.url, ca, authorization: async () => "Bearer nobody" });
    await expect(stranger.scopeOf("v1", "ConfigMap")).rejects.toMatchObject({
      status: 401,
      reason: "Unauthorized",
    });
    await stranger.close();
  });
  it("connects by a kubeconfig", async () => {
    const byFile = createKubeApi(await fromKubeconfig(cluster.kubeconfigFile));
    expect(await byFile.version()).toBe(await kube.version());
    await byFile.close();
    await expect(fromKubeconfig(cluster.kubeconfigFile, "nope")).rejects.toThrow(
      "no context nope in the kubeconfig",
    );
  });
  it("deletes a namespace once, and calls its slow end deleted too", async () => {
    const name = await cluster.namespace("kube-api");
    const object: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
    const live = await kube.get({ ...object, namespace: "", name });
    const uid = live?.metadata["uid"] as string;
    await kube.delete({ ...object, namespace: "", name }, uid);
    expect(["deleted", "absent"]).toContain(await kube.delete({ ...object, namespace: "", name }, uid));
  });
  it("reads a rotated token", async () => {
    const { mkdtemp, rm, writeFile } = await import("node:fs/promises");
    const folder = await mkdtemp("/tmp/fairlead-token-");
    await writeFile(`${folder}/token`, "expired");
    const authorization = tokenFrom(`${folder}/token`);
    expect(await authorization(false)).toBe("Bearer expired");
    await writeFile(`${folder}/token`, `${cluster.token}\n`);
    const ca = await readFile(cluster.caFile, "utf8");
    const rotating = createKubeApi({ server: cluster.url, ca, authorization });
    expect(await rotating.scopeOf("v1", "ConfigMap")).toBe("namespaced");
    await rotating.close();
    await rm(folder, { recursive: true });
  });
});
