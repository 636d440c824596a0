import { describe, expect, it } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { ignoreFor, isImmutable, mayRecreate, refusesDryRun, scaledIn } from "#core/object-rules.ts";
import { takeOver } from "#core/takeover.ts";

const object = (apiVersion: string, kind: string, more: object = {}, fields: object = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: "web", namespace: "shop", ...more },
  ...fields,
});
const forced = { annotations: { "fairlead.dev/force": "true" } };

describe(mayRecreate.name, () => {
  it.each<[KubeObject, byOption: boolean, byAnnotation: boolean]>([
    [object("apps/v1", "Deployment"), true, true],
    [object("v1", "PersistentVolumeClaim"), false, true],
    [object("v1", "Namespace", { namespace: "" }), false, true],
    [object("apiextensions.k8s.io/v1", "CustomResourceDefinition", { namespace: "" }), false, true],
    [object("v1", "ConfigMap", { namespace: "fairlead-system" }), false, false],
    [object("v1", "Namespace", { namespace: "", name: "kube-system" }), false, false],
  ])("%o: by the App's option %s, by its own annotation %s", (one, byOption, byAnnotation) => {
    expect(mayRecreate(one, { force: true })).toBe(byOption);
    const annotated = { ...one, metadata: { ...one.metadata, ...forced } };
    expect(mayRecreate(annotated, { force: false })).toBe(byAnnotation);
    expect(mayRecreate(one, { force: false })).toBe(false);
  });
});

describe(isImmutable.name, () => {
  it("reads the server's own words, of a 422 only", () => {
    const words = [
      "spec.selector: Invalid value: field is immutable",
      "updates to statefulset spec for fields other than 'replicas' are forbidden",
      "roleRef: Invalid value: cannot change roleRef",
    ];
    expect(words.map((message) => isImmutable({ status: 422, message }))).toEqual([true, true, true]);
    expect(isImmutable({ status: 409, message: words[0] ?? "" })).toBe(false);
    expect(isImmutable({ status: 422, message: "data.a: must be a string" })).toBe(false);
  });
});

describe(refusesDryRun.name, () => {
  it("knows a refused dry run from any other refusal", () => {
    const refused = ['admission webhook "a.b" does not support dry run', "denied: dry-run is not supported"];
    expect(refused.map((message) => refusesDryRun({ message }))).toEqual([true, true]);
    expect(refusesDryRun({ message: "denied the request: image is not signed" })).toBe(false);
  });
});

describe(ignoreFor.name, () => {
  const replicas = [{ paths: ["/spec/replicas"] }];
  it("leaves replicas to an autoscaler beside it, or one that has scaled it", () => {
    const target = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
    const scaler = object(
      "autoscaling/v2",
      "HorizontalPodAutoscaler",
      {},
      { spec: { scaleTargetRef: target } },
    );
    const web = object("apps/v1", "Deployment");
    expect(ignoreFor(web, web, [], scaledIn([scaler]))).toEqual(replicas);
    expect(ignoreFor(web, web, [], scaledIn([web]))).toEqual([]);
    const entry = (manager: string, subresource: string) => ({
      manager,
      subresource,
      operation: "Update",
      fieldsV1: { "f:spec": { "f:replicas": {} } },
    });
    const live = (manager: string, subresource: string) =>
      object("apps/v1", "Deployment", { managedFields: [entry(manager, subresource)] });
    expect(ignoreFor(web, live("kube-controller-manager", "scale"), [], new Set())).toEqual(replicas);
    expect(ignoreFor(web, live("kubectl", "scale"), [], new Set())).toEqual([]);
    expect(ignoreFor(web, live("kube-controller-manager", ""), [], new Set())).toEqual([]);
  });
});

describe(takeOver.name, () => {
  const by = (manager: string, fieldsV1: object, more: object = {}) => ({
    manager,
    operation: "Update",
    fieldsV1,
    ...more,
  });
  const live = (...managedFields: object[]): KubeObject =>
    object(
      "v1",
      "Service",
      { managedFields },
      {
        spec: {
          type: "NodePort",
          ports: [
            { port: 80, protocol: "TCP", name: "http" },
            { port: 81, protocol: "TCP" },
          ],
        },
      },
    );
  const bundle = object("v1", "Service", {}, { spec: { ports: [{ port: 80 }] } });

  it("finds items by their keys, and names what the bundle lacks where it stands", () => {
    const port = (number: number, fields: object) => ({ [`k:{"port":${number},"protocol":"TCP"}`]: fields });
    const fields = {
      "f:spec": {
        "f:type": {},
        "f:ports": {
          ...port(80, { ".": {}, "f:port": {}, "f:name": {} }),
          ...port(81, { ".": {}, "f:port": {} }),
        },
      },
    };
    expect(takeOver(live(by("kubectl-edit", fields)), bundle, [])?.undeclared).toEqual([
      "/spec/ports/0/name",
      "/spec/ports/1/port",
      "/spec/type",
    ]);
  });

  it("takes nothing of controllers, of subresources, or of what is declared", () => {
    const type = { "f:spec": { "f:type": {} } };
    const declared = {
      "f:spec": { "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } } },
    };
    const entries = [
      by("controller", type),
      by("kubectl", type, { subresource: "scale" }),
      by("kubectl", declared),
    ];
    expect(takeOver(live(...entries), bundle, [])).toBeUndefined();
  });

  it("leaves ignored fields with whoever owns them, and adds the rest to what is ours", () => {
    const fields = { "f:spec": { "f:type": {}, "f:ports": {} }, "f:metadata": { "f:labels": { "f:a": {} } } };
    const ours = by("fairlead", { "f:data": {} }, { operation: "Apply" });
    const held = { ...live(ours, by("kubectl-edit", fields)) };
    const labelled = { ...held, metadata: { ...held.metadata, labels: { a: "1" } } };
    const taken = takeOver(labelled, bundle, ["/spec/type"]);
    expect(taken?.undeclared).toEqual(["/metadata/labels/a"]);
    expect(taken?.managedFields).toEqual([
      by("kubectl-edit", { "f:spec": { "f:type": {} } }),
      by(
        "fairlead",
        { "f:data": {}, "f:spec": { "f:ports": {} }, "f:metadata": fields["f:metadata"] },
        { operation: "Apply" },
      ),
    ]);
  });
});
