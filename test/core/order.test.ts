import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { groupOf, refOf, type KubeObject } from "#core/object.ts";
import { applyWaves, pruneOrder, SYNC_WAVE_ANNOTATION, waveOf } from "#core/order.ts";

function object(apiVersion: string, kind: string, name = "x", wave?: string): KubeObject {
  return {
    apiVersion,
    kind,
    metadata: { name, ...(wave === undefined ? {} : { annotations: { [SYNC_WAVE_ANNOTATION]: wave } }) },
  };
}

const KINDS = [
  ["v1", "Namespace"],
  ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
  ["v1", "ConfigMap"],
  ["v1", "Secret"],
  ["rbac.authorization.k8s.io/v1", "Role"],
  ["rbac.authorization.k8s.io/v1", "RoleBinding"],
  ["v1", "Service"],
  ["apps/v1", "Deployment"],
  ["autoscaling/v2", "HorizontalPodAutoscaler"],
  ["example.org/v1", "Thing"],
  ["admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"],
] as const;

const objects = fc.array(
  fc
    .tuple(
      fc.constantFrom(...KINDS),
      fc.integer({ min: 0, max: 50 }),
      fc.option(fc.integer({ min: -2, max: 2 })),
    )
    .map(([[version, kind], n, wave]) =>
      object(version, kind, `n${n}`, wave === null ? undefined : String(wave)),
    ),
  { maxLength: 40 },
);

describe("applyWaves", () => {
  it("puts what others need before what needs it, custom resources after workloads, gates last", () => {
    const shuffled = [...KINDS].toReversed().map(([version, kind]) => object(version, kind));
    expect(applyWaves(shuffled).map((batch) => batch.map((one) => one.kind))).toEqual([
      ["CustomResourceDefinition", "Namespace"],
      ["Role", "Secret", "ConfigMap"],
      ["RoleBinding"],
      ["Service"],
      ["Deployment"],
      ["HorizontalPodAutoscaler"],
      ["Thing"],
      ["ValidatingWebhookConfiguration"],
    ]);
  });
  it("takes a kind of the same name in another group for a custom resource", () => {
    const waves = applyWaves([object("serving.knative.dev/v1", "Service"), object("v1", "Service")]);
    expect(waves.map((batch) => batch[0]?.apiVersion)).toEqual(["v1", "serving.knative.dev/v1"]);
  });
  it("splits by sync-wave before anything else", () => {
    const early = object("apps/v1", "Deployment", "early", "-1");
    const late = object("v1", "Namespace", "late", "5");
    const plain = object("v1", "ConfigMap");
    expect(applyWaves([late, plain, early])).toEqual([[early], [plain], [late]]);
  });
  it("keeps every object exactly once, waves in order, and the bundle's order within a batch", () => {
    fc.assert(
      fc.property(objects, (list) => {
        const waves = applyWaves(list);
        const flat = waves.flat();
        expect(flat.length).toBe(list.length);
        expect(new Set(flat)).toEqual(new Set(list));
        const numbers = flat.map(waveOf);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        for (const batch of waves) {
          const places = batch.map((one) => list.indexOf(one));
          expect(places).toEqual([...places].sort((a, b) => a - b));
        }
      }),
    );
  });
});

describe("waveOf", () => {
  it("is 0 for what is no whole number", () => {
    const read = (text: string) => waveOf(object("v1", "ConfigMap", "x", text));
    expect(["7", "-3", "+2", "", "1.5", "soon", "99999999999"].map(read)).toEqual([7, -3, 2, 0, 0, 0, 0]);
  });
});

describe("pruneOrder", () => {
  it("is the reverse of the order of apply, kind by kind", () => {
    fc.assert(
      fc.property(objects, (list) => {
        const plain = list.map((one) => object(one.apiVersion, one.kind, one.metadata.name));
        const kindsOf = (batches: { kind: string; group: string }[][]) =>
          batches.map((batch) => [...new Set(batch.map((one) => `${one.group}/${one.kind}`))].sort());
        const applied = applyWaves(plain).map((batch) =>
          batch.map((one) => ({ kind: one.kind, group: groupOf(one.apiVersion) })),
        );
        expect(kindsOf(pruneOrder(plain.map(refOf)))).toEqual(kindsOf(applied).toReversed());
      }),
    );
  });
});
