/** Whose field is whose, on a real API server: what people's tools leave, what controllers keep, what cannot be changed. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { runAgent } from "../../agent/loop.ts";
import { SERVER_WAIT, startServer, type Server } from "../support/server-agent.ts";
import { configMap, deployment } from "../support/test-agent.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer("ownership");
}, 1_800_000);
afterAll(() => server?.stop());

/** An App of its own in a namespace of its own, healthy. */
async function app(name: string, objects: KubeObject[], sync: Record<string, unknown> = {}) {
  const namespace = await server.cluster.namespace("own");
  const assign = async (next: KubeObject[], more = sync, phase = "healthy") => {
    const { generation } = await server.hub.assign(name, next, { namespace, sync: more });
    await server.until(name, phase, generation);
    return server.hub.latest.get(name);
  };
  if (objects.length > 0) await assign(objects);
  const data = async (object: string) => (await server.get(namespace, "configmap", object))?.["data"];
  return { namespace, assign, data, report: () => server.hub.latest.get(name) };
}

const settings = configMap("settings");
const annotated = (object: KubeObject, annotations: Record<string, string>): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations },
});
const eventually = (look: () => Promise<unknown>, wanted: unknown) =>
  vi.waitFor(async () => expect(await look()).toEqual(wanted), SERVER_WAIT);

describe(`${runAgent.name}, ownership`, () => {
  it("takes back what kubectl added beside the bundle, and tells it as drift with its editor", async () => {
    const { namespace, data, report } = await app("edited", [settings]);
    await server.kubectl(namespace, ["patch", "configmap", "settings", "-p", '{"data":{"extra":"1"}}']);
    await eventually(() => data("settings"), { key: "value" });
    await vi.waitFor(() => expect(report()?.driftTotal).toBe(1), SERVER_WAIT);
    expect(report()?.drift[0]).toMatchObject({
      object: `ConfigMap ${namespace}/settings`,
      fields: [{ path: "/data/extra", before: '"1"' }],
      by: "kubectl-patch",
      restored: true,
    });
  });

  it("only tells that under drift: report", async () => {
    const { namespace, data, report } = await app("told", [settings], { drift: "report" });
    await server.kubectl(namespace, ["label", "configmap", "settings", "by=hand"]);
    await vi.waitFor(
      () => expect(report()?.drift[0]?.fields).toMatchObject([{ path: "/metadata/labels/by" }]),
      SERVER_WAIT,
    );
    expect(await data("settings")).toEqual({ key: "value" });
    expect((await server.get(namespace, "configmap", "settings"))?.metadata.labels).toHaveProperty("by");
  });

  it("adopts what kubectl apply made: what the bundle does not name goes, its last-applied copy too", async () => {
    const { namespace, assign, data } = await app("adopted", []);
    const theirs = configMap("settings", { key: "old", left: "over" });
    await server.kubectl(namespace, ["apply", "-f", "-"], theirs);
    await assign([settings], { adopt: true });
    expect(await data("settings")).toEqual({ key: "value" });
    const live = await server.get(namespace, "configmap", "settings");
    expect(live?.metadata.annotations).not.toHaveProperty([
      "kubectl.kubernetes.io/last-applied-configuration",
    ]);
  });

  it.each(["argocd-controller", "kustomize-controller", "helm", "kubectl"])(
    "adopts what %s applied on the server",
    async (manager) => {
      const { namespace, assign, data } = await app(`from-${manager}`, []);
      const theirs = configMap("settings", { key: "old", left: "over" });
      await server.kubectl(
        namespace,
        ["apply", "--server-side", `--field-manager=${manager}`, "-f", "-"],
        theirs,
      );
      await assign([settings], { adopt: true });
      expect(await data("settings")).toEqual({ key: "value" });
    },
  );

  it("leaves other managers' undeclared fields, and ignored ones of people", async () => {
    const ignore = [{ paths: ["/data/mine"] }];
    const { namespace, data, assign } = await app("others", [settings], { ignore });
    const patch = (manager: string, field: string) =>
      server.kubectl(namespace, [
        "patch",
        "configmap",
        "settings",
        `--field-manager=${manager}`,
        "-p",
        JSON.stringify({ data: { [field]: "x" } }),
      ]);
    await patch("cert-operator", "theirs");
    await patch("kubectl-edit", "mine");
    await patch("kubectl-edit", "gone");
    await eventually(() => data("settings"), { key: "value", theirs: "x", mine: "x" });
    await assign([settings, configMap("more")], { ignore });
    expect(await data("settings")).toEqual({ key: "value", theirs: "x", mine: "x" });
  });

  it("fails on a field of somebody else where the App asks for that", async () => {
    const { namespace, assign, data } = await app("polite", [configMap("settings", { other: "1" })], {
      conflicts: "fail",
    });
    await server.kubectl(namespace, ["patch", "configmap", "settings", "-p", '{"data":{"key":"theirs"}}']);
    const report = await assign(
      [configMap("settings", { other: "1", key: "ours" })],
      { conflicts: "fail" },
      "failed",
    );
    expect(report?.message).toContain("Conflict");
    expect(await data("settings")).toMatchObject({ key: "theirs" });
  });
});

describe(`${runAgent.name}, objects with rules of their own`, () => {
  const renamed = (labels: Record<string, string>): KubeObject => {
    const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } };
    return { ...deployment("web"), spec: { replicas: 1, selector: { matchLabels: labels }, template } };
  };

  it("names the fix for an immutable field, and makes the object again where force is asked for", async () => {
    const { namespace, assign } = await app("forced", [renamed({ app: "one" })]);
    const uid = async () => (await server.get(namespace, "deployment", "web"))?.metadata["uid"];
    const before = await uid();
    const told = await assign([renamed({ app: "two" })], {}, "failed");
    expect(told?.failures[0]?.reason).toContain("set the annotation fairlead.dev/force on it, or sync.force");
    expect(await uid()).toBe(before);
    await assign([renamed({ app: "two" })], { force: true });
    const second = await uid();
    expect(second).not.toBe(before);
    await assign([annotated(renamed({ app: "three" }), { "fairlead.dev/force": "true" })], {});
    expect(await uid()).not.toBe(second);
  });

  it("never makes a claim again by the App's option alone", async () => {
    const claim = (size: string): KubeObject => ({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data" },
      spec: { accessModes: [size], storageClassName: "none", resources: { requests: { storage: "1Gi" } } },
    });
    const { namespace, assign } = await app("kept", []);
    await assign([claim("ReadWriteOnce")], { force: true }, "progressing");
    const uid = (await server.get(namespace, "pvc", "data"))?.metadata["uid"];
    await assign([claim("ReadOnlyMany")], { force: true }, "failed");
    expect((await server.get(namespace, "pvc", "data"))?.metadata["uid"]).toBe(uid);
  });

  it("makes once, and leaves alone", async () => {
    const once = annotated(configMap("once", { a: "1" }), { "fairlead.dev/if-not-exists": "true" });
    const { namespace, assign, data } = await app("rules", [settings, once]);
    await server.kubectl(namespace, ["patch", "configmap", "once", "-p", '{"data":{"a":"2"}}']);
    await server.kubectl(namespace, ["annotate", "configmap", "settings", "fairlead.dev/ignore=true"]);
    await server.kubectl(namespace, ["patch", "configmap", "settings", "-p", '{"data":{"key":"by hand"}}']);
    const never = annotated(configMap("never"), { "fairlead.dev/ignore": "true" });
    const report = await assign([settings, once, never, configMap("more")]);
    expect(report?.outcomes).toEqual({ created: 1, unchanged: 1, skipped: 2 });
    expect([await data("once"), await data("settings"), await data("never")]).toEqual([
      { a: "2" },
      { key: "by hand" },
      undefined,
    ]);
  });

  it("leaves replicas to an autoscaler of the bundle, and of the cluster once it has scaled", async () => {
    const scaler: KubeObject = {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name: "web" },
      spec: {
        minReplicas: 1,
        maxReplicas: 9,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      },
    };
    const { namespace, assign } = await app("scaled", []);
    await assign([deployment("web"), scaler], {}, "progressing");
    await server.kubectl(namespace, [
      "patch",
      "deployment",
      "web",
      "--field-manager=scaler",
      "-p",
      '{"spec":{"replicas":4}}',
    ]);
    await assign([deployment("web", "web:2"), scaler], {}, "progressing");
    const live = (await server.get(namespace, "deployment", "web")) as
      | { spec?: { replicas: number } }
      | undefined;
    expect(live?.spec?.replicas).toBe(4);
  });

  it("does nothing while suspended", async () => {
    const { namespace, assign, data } = await app("paused", [settings]);
    const report = await assign([configMap("settings", { key: "new" })], { suspend: true });
    expect(report?.message).toContain("suspended");
    await server.kubectl(namespace, ["patch", "configmap", "settings", "-p", '{"data":{"key":"by hand"}}']);
    await assign([configMap("settings", { key: "new" })], {});
    expect(await data("settings")).toEqual({ key: "new" });
  });

  it("compares declared fields where dry runs are refused, says so, and stays quiet", async () => {
    const { namespace, assign, data } = await app("undried", []);
    const policy = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: `no-dry-run-${namespace}` },
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
          resourceRules: [
            {
              apiGroups: [""],
              apiVersions: ["v1"],
              operations: ["CREATE", "UPDATE"],
              resources: ["configmaps"],
            },
          ],
        },
        validations: [
          { expression: "!has(request.dryRun) || !request.dryRun", message: "dry runs are not supported" },
        ],
      },
    };
    const binding = {
      ...policy,
      kind: "ValidatingAdmissionPolicyBinding",
      spec: { policyName: policy.metadata.name, validationActions: ["Deny"] },
    };
    await server.kubectl(namespace, ["apply", "-f", "-"], {
      apiVersion: "v1",
      kind: "List",
      items: [policy, binding],
    });
    const dry = () =>
      server.kubectl(namespace, ["create", "configmap", "x", "--dry-run=server"]).then(
        () => "taken",
        () => "refused",
      );
    await eventually(dry, "refused");
    await assign([settings]);
    await assign([settings, configMap("more")]);
    const writes = server.kube.writes.length;
    await server.kubectl(namespace, ["patch", "configmap", "settings", "-p", '{"data":{"key":"by hand"}}']);
    await eventually(() => data("settings"), { key: "value" });
    const told = "of 1 only declared fields are compared: a webhook refuses dry runs";
    const messages = () => server.hub.reports.flatMap((one) => one.placements.map(({ message }) => message));
    await eventually(async () => messages().some((message) => message.includes(told)), true);
    expect(server.kube.writes.slice(writes).filter((write) => write.includes("settings"))).toHaveLength(1);
  });
});
