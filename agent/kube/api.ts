/**
 * The Kubernetes port over a real API server. Objects go and come as raw JSON: the generated client models drop
 * fields they do not know. Server-side apply only, so that the server keeps the account of whose field is whose.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { groupOf, kubeObjectSchema, type KubeObject } from "#core/object.ts";
import { createLeaseStore, type LeaseStore } from "./lease.ts";
import { impersonating } from "./impersonate.ts";
import { readOpenapi } from "./openapi.ts";
import { listMetadata, watchMetadata } from "./metadata.ts";
import { listPods, readLog } from "./pods.ts";
import { createDiscovery, type Discovery, type ServedKind } from "./discovery.ts";
import {
  FIELD_MANAGER,
  KubeError,
  type Address,
  type ApplyOptions,
  type Kube,
  type Selection,
} from "./port.ts";
import { notServed } from "./served.ts";
import { createWire, type KubeAddress, type Wire } from "./wire.ts";

/** `timeoutMs` is per request. */
export interface KubeApiOptions extends KubeAddress {
  timeoutMs?: number;
}

/** Holds up to 8 connections until closed; requests under way then fail with `KubeError` 0. */
export interface KubeApi extends Kube {
  /** Who of several replicas leads. */
  leases: LeaseStore;
  close(): Promise<void>;
}

const versionSchema = z.object({ gitVersion: z.string().max(100) });
const definedSchema = z.object({ group: z.string(), names: z.object({ kind: z.string() }) });

export function createKubeApi({ timeoutMs, ...address }: KubeApiOptions): KubeApi {
  const wire = createWire(address, timeoutMs);
  const discovery = createDiscovery(wire, { now: () => performance.now(), sleep: (ms) => sleep(ms) });
  return {
    ...createKube(wire, discovery),
    leases: createLeaseStore(wire),
    close: () => wire.close(),
  };
}

function createKube(wire: Wire, discovery: Discovery): Kube {
  async function servedOrThrow(object: KubeObject): Promise<ServedKind> {
    const { apiVersion, kind } = object;
    const served = await discovery.find(apiVersion, kind);
    if (served === undefined) throw notServed(object, discovery.versionsOf(groupOf(apiVersion), kind));
    return served;
  }

  async function collectionOf(selection: Selection): Promise<string> {
    const { apiVersion, kind, namespace } = selection;
    const served = await servedOrThrow({ apiVersion, kind, metadata: { name: "any" } });
    const within = namespace === undefined ? "" : `namespaces/${encodeURIComponent(namespace)}/`;
    return `${served.prefix}${within}${served.resource}`;
  }

  async function get(target: Address): Promise<KubeObject | undefined> {
    const served = await discovery.find(target.apiVersion, target.kind);
    if (served === undefined) return undefined;
    try {
      return asObject(await wire.send({ method: "GET", path: pathOf(served, target) }));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  return {
    get,
    async apply(object, options) {
      const path = pathOf(await servedOrThrow(object), addressOf(object));
      const answer = await wire.send(applyRequest(path, object, options)).catch((error: unknown) => {
        throw asRefusal(error);
      });
      if (!options.dryRun && object.kind === "CustomResourceDefinition") expectKind(object);
      return asObject(answer);
    },
    ...partialWrites(wire, servedOrThrow),
    async delete(target, uid, resourceVersion) {
      const served = await discovery.find(target.apiVersion, target.kind);
      if (served === undefined) return "absent";
      const body = {
        propagationPolicy: "Background",
        ...(uid === undefined ? {} : { preconditions: { uid, resourceVersion } }),
      };
      try {
        await wire.send({ method: "DELETE", path: pathOf(served, target), body });
        return "deleted";
      } catch (error) {
        if (isAbsent(error)) return "absent";
        if (error instanceof KubeError && error.status === 409)
          return afterConflict(target, { uid, resourceVersion }, error);
        throw error;
      }
    },
    async scopeOf(apiVersion, kind) {
      const served = await discovery.find(apiVersion, kind);
      return served === undefined ? undefined : served.namespaced ? "namespaced" : "cluster";
    },
    served: () => discovery.list(),
    openapi: () => readOpenapi(wire),
    async *listMetadata(selection) {
      yield* listMetadata(wire, await collectionOf(selection), selection);
    },
    async *watchMetadata(selection, from) {
      yield* watchMetadata(wire, await collectionOf(selection), selection, from);
    },
    pods: (namespace, selector, podsMax) => listPods(wire, namespace, selector, podsMax),
    podLog: (pod, limits) => readLog(wire, pod, limits),
    async version() {
      return versionSchema.parse(await wire.send({ method: "GET", path: "/version" })).gitVersion;
    },
    as: (account) => createKube(impersonating(wire, account), discovery),
  };

  /** A 409 says that it is another one, or that a deletion is under way already; only a look tells which. */
  async function afterConflict(
    target: Address,
    meant: { uid: string | undefined; resourceVersion: string | undefined },
    error: KubeError,
  ) {
    const live = await get(target);
    if (live === undefined) return "absent";
    const { uid, deletionTimestamp, resourceVersion } = live.metadata;
    if (meant.uid !== undefined && uid !== meant.uid) return "other";
    if (deletionTimestamp !== undefined) return "deleted";
    if (meant.resourceVersion !== undefined && resourceVersion !== meant.resourceVersion) return "other";
    throw error;
  }

  function expectKind(definition: KubeObject): void {
    const spec = definedSchema.safeParse(definition["spec"]);
    if (spec.success) discovery.expect(spec.data.group, spec.data.names.kind);
  }
}

/** Older than all: an apply at it goes through only where nothing is. */
const NO_VERSION = "1";

function applyRequest(path: string, object: KubeObject, { dryRun, force, absent = false }: ApplyOptions) {
  const query = new URLSearchParams({ fieldManager: FIELD_MANAGER, force: String(force) });
  if (dryRun) query.set("dryRun", "All");
  // JSON is YAML, and this type is what every server version knows.
  const contentType = "application/apply-patch+yaml";
  const { metadata } = object;
  const body = absent ? { ...object, metadata: { ...metadata, resourceVersion: NO_VERSION } } : object;
  return { method: "PATCH", path: `${path}?${query.toString()}`, contentType, body } as const;
}

/** Writes of a part of an object that is there. */
function partialWrites(
  wire: Wire,
  servedOrThrow: (object: KubeObject) => Promise<ServedKind>,
): Pick<Kube, "applyStatus" | "setManagers"> {
  return {
    async applyStatus(object) {
      const served = await servedOrThrow(object);
      const path = `${pathOf(served, addressOf(object))}/status?fieldManager=${FIELD_MANAGER}&force=true`;
      const contentType = "application/apply-patch+yaml";
      return asObject(await wire.send({ method: "PATCH", path, contentType, body: object }));
    },
    async setManagers(target, managedFields, resourceVersion) {
      const { apiVersion, kind, namespace, name } = target;
      const served = await servedOrThrow({ apiVersion, kind, metadata: { namespace, name } });
      const body = [
        { op: "replace", path: "/metadata/managedFields", value: managedFields },
        { op: "replace", path: "/metadata/resourceVersion", value: resourceVersion },
      ];
      const path = `${pathOf(served, target)}?fieldManager=${FIELD_MANAGER}`;
      return asObject(
        await wire.send({ method: "PATCH", path, contentType: "application/json-patch+json", body }),
      );
    },
  };
}

function addressOf(object: KubeObject): Address {
  const { name, namespace = "" } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, namespace, name };
}

function pathOf(served: ServedKind, { kind, namespace, name }: Address): string {
  if (served.namespaced && namespace === "")
    throw new KubeError(400, "NamespaceMissing", `${kind} ${name} is namespaced and names no namespace`);
  const within = served.namespaced ? `namespaces/${encodeURIComponent(namespace)}/` : "";
  return `${served.prefix}${within}${served.resource}/${encodeURIComponent(name)}`;
}

function asObject(answer: unknown): KubeObject {
  const parsed = kubeObjectSchema.safeParse(answer);
  if (!parsed.success) throw new KubeError(502, "NoObject", `no object came back: ${parsed.error.message}`);
  return answer as KubeObject;
}

/**
 * An apply that does not fit the kind's schema (an unknown field, a wrong type) is answered with a 500, although no
 * second try can help; here it is the 422 that it means.
 */
function asRefusal(error: unknown): unknown {
  const misfit = error instanceof KubeError && error.status === 500 && error.message.includes(MISFIT);
  return misfit ? new KubeError(422, "Invalid", error.message) : error;
}

const MISFIT = "failed to create typed patch object";

function isAbsent(error: unknown): boolean {
  return error instanceof KubeError && error.status === 404;
}
