/**
 * What every implementation of the agent's Kubernetes port promises, run on the in-memory one and on a real API
 * server alike. Each test works in a namespace of its own.
 */
import { describe, expect, it } from "vitest";
import type { Address, Kube, KubeError } from "../../agent/kube/port.ts";
import { apiList } from "#core/capabilities.ts";
import { compare, lastEditor } from "#core/diff.ts";
import { health } from "#core/health.ts";
import type { KubeObject } from "#core/object.ts";
import type { Selector } from "#core/selector.ts";
import { takeOver } from "#core/takeover.ts";

export interface KubeUnderTest {
  kube: Kube;
  /** An empty namespace that exists. */
  namespace: () => Promise<string>;
  /** A JSON merge patch under the manager `kubectl-edit`. */
  edit: (address: Address, patch: Record<string, unknown>) => Promise<void>;
}

const FORCE = { dryRun: false, force: true };
const DRY = { dryRun: true, force: true };

const addressOf = ({ apiVersion, kind, metadata: { name, namespace = "" } }: KubeObject): Address => ({
  apiVersion,
  kind,
  namespace,
  name,
});
const config = (namespace: string, data: Record<string, string>, name = "settings"): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});
const deployment = (namespace: string, replicas: number): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "web", image: "web:1" }] },
    },
  },
});

async function errorOf(work: Promise<unknown>): Promise<KubeError> {
  return work.then(
    () => expect.unreachable("the call went through"),
    (error: KubeError) => error,
  );
}

/** `controllers` says whether workloads become healthy there. */
export function kubeConformance(
  title: string,
  open: () => KubeUnderTest,
  options: { controllers: boolean },
): void {
  describe(`${title}: apply`, () => {
    it("creates with a UID, and a second time changes nothing, not even the version", async () => {
      const { kube, namespace } = open();
      const object = config(await namespace(), { a: "1" });
      const first = await kube.apply(object, FORCE);
      const second = await kube.apply(object, FORCE);
      expect(first.metadata["uid"]).toEqual(expect.any(String));
      expect(second.metadata["resourceVersion"]).toBe(first.metadata["resourceVersion"]);
    });
    it("removes what was applied before and is no longer, and keeps what others added", async () => {
      const { kube, namespace, edit } = open();
      const within = await namespace();
      const address = addressOf(await kube.apply(config(within, { a: "1", b: "2" }), FORCE));
      await edit(address, { data: { theirs: "x" } });
      const live = await kube.apply(config(within, { a: "1" }), FORCE);
      expect(live["data"]).toEqual({ a: "1", theirs: "x" });
    });
    it("answers a dry run with what would be and writes nothing", async () => {
      const { kube, namespace } = open();
      const within = await namespace();
      const before = await kube.apply(config(within, { a: "1" }), FORCE);
      expect((await kube.apply(config(within, { a: "2" }), DRY))["data"]).toEqual({ a: "2" });
      expect(await kube.get(addressOf(before))).toEqual(before);
      await kube.apply(config(within, {}, "never"), DRY);
      expect(await kube.get(addressOf(config(within, {}, "never")))).toBeUndefined();
    });
    it("makes what is absent and touches nothing that is there, when only that is asked for", async () => {
      const { kube, namespace } = open();
      const within = await namespace();
      const made = await kube.apply(config(within, { a: "1" }), { ...FORCE, absent: true });
      for (const a of ["1", "2"]) {
        const error = await errorOf(kube.apply(config(within, { a }), { ...FORCE, absent: true }));
        expect(error).toMatchObject({ status: 409, passing: false });
      }
      expect(await kube.get(addressOf(made))).toEqual(made);
    });
    it("refuses to take another manager's field without force, and takes it with", async () => {
      const { kube, namespace, edit } = open();
      const object = config(await namespace(), { a: "1" });
      await kube.apply(object, FORCE);
      await edit(addressOf(object), { data: { a: "theirs" } });
      const error = await errorOf(kube.apply(object, { dryRun: false, force: false }));
      expect(error).toMatchObject({ name: "KubeError", status: 409, reason: "Conflict", passing: false });
      expect((await kube.apply(object, FORCE))["data"]).toEqual({ a: "1" });
    });
    it("hands over what another manager owns, so that the next apply removes what it does not name", async () => {
      const { kube, namespace, edit } = open();
      const object = config(await namespace(), { a: "1" });
      await kube.apply(object, FORCE);
      await edit(addressOf(object), { data: { theirs: "x" } });
      const live = (await kube.get(addressOf(object))) as KubeObject;
      const take = takeOver(live, object, []);
      expect(take?.undeclared).toEqual(["/data/theirs"]);
      const version = String(live.metadata["resourceVersion"]);
      const taken = await kube.setManagers(addressOf(object), take?.managedFields ?? [], version);
      expect(taken["data"]).toEqual({ a: "1", theirs: "x" });
      expect((await kube.apply(object, FORCE))["data"]).toEqual({ a: "1" });
      const late = await errorOf(kube.setManagers(addressOf(object), [], version));
      expect(late).toMatchObject({ status: 409, reason: "Conflict" });
    });
    it("lists the pods of a namespace that a selector means, and no more than asked for", async () => {
      const { kube, namespace } = open();
      const within = await namespace();
      for (const [name, app] of [
        ["a", "web"],
        ["b", "web"],
        ["c", "db"],
      ] as const) {
        const metadata = { name, namespace: within, labels: { app } };
        const spec = { containers: [{ name: "main", image: "web:1" }] };
        await kube.apply({ apiVersion: "v1", kind: "Pod", metadata, spec }, FORCE);
      }
      const names = async (selector: Selector, podsMax = 20): Promise<string[]> =>
        (await kube.pods(within, selector, podsMax)).map(({ metadata }) => metadata.name);
      expect(await names({ matchLabels: { app: "web" } })).toEqual(["a", "b"]);
      expect(await names({ matchLabels: { app: "web" } }, 1)).toHaveLength(1);
      const matchExpressions: Selector["matchExpressions"] = [
        { key: "app", operator: "NotIn", values: ["web", "other"] },
        { key: "app", operator: "Exists" },
        { key: "gone", operator: "DoesNotExist" },
      ];
      expect(await names({ matchExpressions })).toEqual(["c"]);
      expect((await kube.pods(within, { matchLabels: { app: "db" } }, 5))[0]).toMatchObject({
        apiVersion: "v1",
        kind: "Pod",
        spec: { containers: [{ image: "web:1" }] },
      });
      const log = { namespace: within, name: "a", container: "main", previous: true };
      const error = await errorOf(kube.podLog(log, { lines: 5, bytesMax: 100 }));
      expect(error).toMatchObject({ name: "KubeError" });
    });
    it("keeps a Secret's stringData as data", async () => {
      const { kube, namespace } = open();
      const metadata = { name: "s", namespace: await namespace() };
      const live = await kube.apply(
        { apiVersion: "v1", kind: "Secret", metadata, stringData: { k: "v" } },
        FORCE,
      );
      expect(live["data"]).toEqual({ k: "dg==" });
    });
    it("refuses a namespace that is not there, and a namespaced object that names none", async () => {
      const { kube } = open();
      const gone = await errorOf(kube.apply(config("nowhere-at-all", {}), FORCE));
      expect(gone).toMatchObject({ status: 404, reason: "NotFound" });
      expect(gone.message).toContain("nowhere-at-all");
      const none = await errorOf(kube.apply({ ...config("", {}), metadata: { name: "x" } }, FORCE));
      expect(none).toMatchObject({ status: 400, reason: "NamespaceMissing" });
    });
    it("says of an unknown kind that it is not served", async () => {
      const { kube, namespace } = open();
      const object = {
        ...config(await namespace(), {}),
        apiVersion: "nowhere.example.org/v1",
        kind: "Gadget",
      };
      expect(await errorOf(kube.apply(object, FORCE))).toMatchObject({ status: 404, reason: "NotServed" });
    });
  });

  describe(`${title}: served`, () => {
    it("lists the built-in kinds, and one that was just defined", async () => {
      const { kube } = open();
      const listed = async () => apiList(await kube.served()) ?? [];
      expect(await listed()).toEqual(
        expect.arrayContaining(["apps/v1", "apps/v1/Deployment", "v1", "v1/ConfigMap"]),
      );
      const group = `served-${title.length}.example.org`;
      await kube.apply(
        {
          apiVersion: "apiextensions.k8s.io/v1",
          kind: "CustomResourceDefinition",
          metadata: { name: `things.${group}` },
          spec: {
            group,
            scope: "Namespaced",
            names: { kind: "Thing", plural: "things" },
            versions: [
              { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
            ],
          },
        },
        FORCE,
      );
      const wanted = [`${group}/v1`, `${group}/v1/Thing`];
      await expect.poll(listed, { timeout: 30_000 }).toEqual(expect.arrayContaining(wanted));
    });
  });

  describe(`${title}: drift`, () => {
    it("shows a person's change through a dry run, with who made it, and none once restored", async () => {
      const { kube, namespace, edit } = open();
      const object = deployment(await namespace(), 2);
      await kube.apply(object, FORCE);
      const address = addressOf(object);
      await edit(address, { spec: { replicas: 5 } });
      const live = (await kube.get(address)) as KubeObject;
      const changes = compare(object, live, await kube.apply(object, DRY), []);
      expect(changes).toEqual([{ path: "/spec/replicas", before: "5", after: "2" }]);
      const paths = changes.map((change) => change.path);
      expect(lastEditor(live, paths)).toEqual({ by: "kubectl-edit", at: expect.any(Number) });
      const restored = await kube.apply(object, FORCE);
      expect(compare(object, restored, await kube.apply(object, DRY), [])).toEqual([]);
    });
    it("does not take mere ownership for a change", async () => {
      const { kube, namespace, edit } = open();
      const within = await namespace();
      const address = addressOf(await kube.apply(config(within, { a: "1" }), FORCE));
      await edit(address, { data: { b: "2" } });
      const wanted = config(within, { a: "1", b: "2" });
      const live = (await kube.get(address)) as KubeObject;
      expect(compare(wanted, live, await kube.apply(wanted, DRY), [])).toEqual([]);
    });
  });

  describe(`${title}: delete`, () => {
    it("deletes by UID, spares an object of another UID, and calls a gone one absent", async () => {
      const { kube, namespace } = open();
      const live = await kube.apply(config(await namespace(), {}), FORCE);
      const address = addressOf(live);
      expect(await kube.delete(address, "00000000-0000-0000-0000-000000000000")).toBe("other");
      expect(await kube.get(address)).toBeDefined();
      expect(await kube.delete(address, live.metadata["uid"] as string)).toBe("deleted");
      expect(await kube.delete(address, undefined)).toBe("absent");
    });
    it("spares an object that is not at the version that was looked at", async () => {
      const { kube, namespace, edit } = open();
      const live = await kube.apply(config(await namespace(), {}), FORCE);
      const address = addressOf(live);
      const uid = live.metadata["uid"] as string;
      const edited = await edit(address, { data: { by: "hand" } }).then(() => kube.get(address));
      expect(await kube.delete(address, uid, live.metadata["resourceVersion"] as string)).toBe("other");
      expect(await kube.delete(address, uid, edited?.metadata["resourceVersion"] as string)).toBe("deleted");
    });
    it("calls an object of an unknown kind absent", async () => {
      const address = { apiVersion: "nowhere.example.org/v1", kind: "Gadget", namespace: "x", name: "y" };
      expect(await open().kube.get(address)).toBeUndefined();
      expect(await open().kube.delete(address, undefined)).toBe("absent");
    });
  });

  describe(`${title}: kinds`, () => {
    it("knows the scope of built-in kinds and of no other", async () => {
      const { kube } = open();
      expect(await kube.scopeOf("apps/v1", "Deployment")).toBe("namespaced");
      expect(await kube.scopeOf("v1", "Namespace")).toBe("cluster");
      expect(await kube.scopeOf("apps/v9", "Deployment")).toBeUndefined();
      expect(await kube.version()).toMatch(/^v1\.\d+\./);
    });
    it("serves a custom kind once its definition was applied, without a pause for the caller", async () => {
      const { kube, namespace } = open();
      const within = await namespace();
      const group = `${within}.example.org`;
      const definition: KubeObject = {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: `gadgets.${group}` },
        spec: {
          group,
          scope: "Namespaced",
          names: { kind: "Gadget", plural: "gadgets", singular: "gadget", listKind: "GadgetList" },
          versions: [
            {
              name: "v1",
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
            },
          ],
        },
      };
      await kube.apply(definition, FORCE);
      expect(await kube.scopeOf(`${group}/v1`, "Gadget")).toBe("namespaced");
      const gadget = {
        ...config(within, {}),
        apiVersion: `${group}/v1`,
        kind: "Gadget",
        spec: { any: { field: [1] } },
      };
      expect((await kube.apply(gadget, FORCE))["spec"]).toEqual({ any: { field: [1] } });
      const live = (await kube.get(addressOf(definition))) as KubeObject;
      expect(health(live)).toEqual({ status: "current", sentence: "established" });
      await kube.delete(addressOf(definition), undefined);
    });
  });

  describe.runIf(options.controllers)(`${title}: health`, () => {
    it("brings a Deployment to current, and to the next generation after a change", async () => {
      const { kube, namespace } = open();
      const object = deployment(await namespace(), 1);
      for (const replicas of [1, 2]) {
        const next = deployment(object.metadata.namespace ?? "", replicas);
        await kube.apply(next, FORCE);
        await expect
          .poll(async () => health((await kube.get(addressOf(next))) as KubeObject), { timeout: 50_000 })
          .toEqual({
            status: "current",
            sentence: `${replicas} of ${replicas} ${replicas === 1 ? "replica" : "replicas"} available`,
          });
      }
    });
  });
}
