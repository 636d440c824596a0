/**
 * The Kubernetes port in memory, for *simulated* clusters in demos and tests: no machine runs anything. Objects get
 * UIDs, versions, generations, field ownership, and a status that becomes healthy `readyAfterMs` after a change;
 * a workload whose image tag starts with `broken` (`web:broken`) fails instead. No timers: time is read when
 * asked, so fifty of these idle in one process for nothing.
 */
import { randomUUID } from "node:crypto";
import { groupOf, refKey, refOf, refText, type KubeObject, type ObjectRef } from "#core/object.ts";
import { valueAt, type Fields } from "#core/pointer.ts";
import { withEncodedData } from "#core/secret.ts";
import { BUILTIN_KINDS, type Scope } from "./builtin.ts";
import { fieldsV1Of, mergeApply, mergeEdit, ownersOf, type Owners } from "./merge.ts";
import { FIELD_MANAGER, KubeError, type Address, type Kube } from "./port.ts";
import { notServed } from "./served.ts";
import { progressOf, simulatedStatus } from "./simulated-status.ts";

export interface MemoryKubeOptions {
  name: string;
  /** Milliseconds since 1970. */
  now: () => number;
  readyAfterMs?: number;
}

export interface MemoryKube extends Kube {
  /** A person's change behind our back (JSON merge patch); throws a `KubeError` 404 where nothing is. */
  edit(address: Address, patch: Fields, manager?: string): KubeObject;
  /** Every live object, sorted by `refKey`. */
  list(): KubeObject[];
}

const READY_AFTER_MS_DEFAULT = 1_500;
const SIMULATED_VERSION = "v1.34.4+simulated";
const OBJECTS_MAX = 20_000;
const NAMESPACES = ["default", "kube-system", "fairlead-system"];

interface Stored {
  object: KubeObject;
  owners: Owners;
  uid: string;
  version: number;
  generation: number;
  createdAt: number;
  generationAt: number;
}

export function createMemoryKube(options: MemoryKubeOptions): MemoryKube {
  const { name, now, readyAfterMs = READY_AFTER_MS_DEFAULT } = options;
  const objects = new Map<string, Stored>();
  let version = 0;
  for (const namespace of NAMESPACES)
    store({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, new Map());

  function store(object: KubeObject, owners: Owners): Stored {
    const key = refKey(refOf(object));
    const stored = next(objects.get(key), object, owners);
    objects.set(key, stored);
    return stored;
  }

  function next(held: Stored | undefined, object: KubeObject, owners: Owners): Stored {
    const at = now();
    if (held === undefined) {
      const birth = { uid: randomUUID(), generation: 1, createdAt: at, generationAt: at };
      return { object, owners, version: ++version, ...birth };
    }
    if (held.object === object && held.owners === owners) return held;
    const grows =
      JSON.stringify({ ...held.object, metadata: 0 }) !== JSON.stringify({ ...object, metadata: 0 });
    const counts = grows ? { generation: held.generation + 1, generationAt: at } : {};
    return { ...held, object, owners, version: ++version, ...counts };
  }

  function show(stored: Stored): KubeObject {
    const { object, owners, generation } = stored;
    const progress = progressOf(object, now() - stored.generationAt, readyAfterMs);
    const status = simulatedStatus(object, generation, progress);
    const metadata = {
      ...object.metadata,
      uid: stored.uid,
      resourceVersion: String(stored.version),
      generation,
      creationTimestamp: new Date(stored.createdAt).toISOString(),
      managedFields: shownOwners(object.apiVersion, owners),
    };
    return { ...object, metadata, ...(status === undefined ? {} : { status }) };
  }

  function scopeOf(apiVersion: string, kind: string): Scope | undefined {
    return BUILTIN_KINDS.get(`${apiVersion}/${kind}`) ?? definedScope(objects, apiVersion, kind);
  }

  function admit(object: KubeObject): void {
    const scope = scopeOf(object.apiVersion, object.kind);
    if (scope === undefined) throw notServed(object, []);
    const { namespace = "" } = object.metadata;
    if (scope === "cluster") return;
    if (namespace === "")
      throw new KubeError(400, "NamespaceMissing", `${refText(refOf(object))} names no namespace`);
    if (!objects.has(refKey(namespaceRef(namespace))))
      throw new KubeError(404, "NotFound", `namespaces "${namespace}" not found`);
    if (objects.size >= OBJECTS_MAX) throw tooMany(name);
  }

  return {
    async apply(wanted, { dryRun, force }) {
      admit(wanted);
      const { status: _status, ...object } = withEncodedData(wanted);
      const held = objects.get(refKey(refOf(object)));
      const merged = mergeApply(held, object, FIELD_MANAGER, now());
      if (merged.conflicts.length > 0 && !force) throw conflict(merged.conflicts);
      const settled = settle(held, merged);
      return show(
        dryRun ? next(held, settled.object, settled.owners) : store(settled.object, settled.owners),
      );
    },
    async setManagers(target, managedFields, resourceVersion) {
      return show(store(storedAt(objects, target, resourceVersion).object, ownersOf(managedFields)));
    },
    async get(target) {
      const stored = objects.get(keyOf(target));
      return stored === undefined ? undefined : show(stored);
    },
    async delete(target, uid) {
      const key = keyOf(target);
      const stored = objects.get(key);
      if (stored === undefined) return "absent";
      if (uid !== undefined && uid !== stored.uid) return "other";
      objects.delete(key);
      dropContents(objects, stored.object);
      return "deleted";
    },
    scopeOf: async (apiVersion, kind) => scopeOf(apiVersion, kind),
    served: async () => servedKinds(objects),
    async *openapi() {},
    version: async () => SIMULATED_VERSION,
    edit(target, patch, manager = "kubectl-edit") {
      const merged = mergeEdit(storedAt(objects, target), patch, manager, now());
      return show(store(merged.object, merged.owners));
    },
    list: () => [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stored]) => show(stored)),
  };
}

/** What an apply left as it was is the very same data, so that nothing counts as a new version. */
function settle(held: Stored | undefined, merged: { object: KubeObject; owners: Owners }) {
  if (held === undefined) return merged;
  const same = JSON.stringify(held.object) === JSON.stringify(merged.object);
  const sameOwners =
    held.owners.size === merged.owners.size && [...merged.owners].every(([k, v]) => held.owners.get(k) === v);
  return { object: same ? held.object : merged.object, owners: sameOwners ? held.owners : merged.owners };
}

/** What is stored, if it is there; with a version, if nobody has changed it since. */
function storedAt(objects: ReadonlyMap<string, Stored>, target: Address, version?: string): Stored {
  const held = objects.get(keyOf(target));
  const what = `${target.kind} ${target.name}`;
  if (held === undefined) throw new KubeError(404, "NotFound", `${what} not found`);
  if (version !== undefined && String(held.version) !== version)
    throw new KubeError(409, "Conflict", `${what} has been modified`);
  return held;
}

function tooMany(name: string): KubeError {
  return new KubeError(
    507,
    "TooManyObjects",
    `simulated cluster ${name} holds ${OBJECTS_MAX} objects at most`,
  );
}

function conflict(conflicts: readonly { pointer: string; manager: string }[]): KubeError {
  const places = conflicts.slice(0, 5).map(({ pointer, manager }) => `${pointer} (${manager})`);
  return new KubeError(
    409,
    "Conflict",
    `Apply failed with ${conflicts.length} conflicts: ${places.join(", ")}`,
  );
}

function shownOwners(apiVersion: string, owners: Owners): Fields[] {
  return [...owners].map(([manager, { at, operation, leaves }]) => ({
    manager,
    operation,
    apiVersion,
    time: new Date(at).toISOString(),
    fieldsType: "FieldsV1",
    fieldsV1: fieldsV1Of(leaves),
  }));
}

const DEFINITION = "apiextensions.k8s.io/CustomResourceDefinition//";

function splitKind(key: string): readonly [string, string] {
  const slash = key.lastIndexOf("/");
  return [key.slice(0, slash), key.slice(slash + 1)];
}

/** Each version that a definition serves, with its kind. */
function* definedKinds(objects: ReadonlyMap<string, Stored>): Generator<readonly [string, string, Scope]> {
  for (const [key, { object }] of objects) {
    if (!key.startsWith(DEFINITION)) continue;
    const [group, kind] = [valueAt(object, ["spec", "group"]), valueAt(object, ["spec", "names", "kind"])];
    const scope = valueAt(object, ["spec", "scope"]) === "Cluster" ? "cluster" : "namespaced";
    const versions = valueAt(object, ["spec", "versions"]);
    for (const version of Array.isArray(versions) ? versions : [])
      if (valueAt(version, ["served"]) !== false)
        yield [`${String(group)}/${String(valueAt(version, ["name"]))}`, String(kind), scope];
  }
}

function servedKinds(objects: ReadonlyMap<string, Stored>): (readonly [string, string])[] {
  const defined = [...definedKinds(objects)].map(([version, kind]) => [version, kind] as const);
  return [...[...BUILTIN_KINDS.keys()].map(splitKind), ...defined];
}

function definedScope(
  objects: ReadonlyMap<string, Stored>,
  apiVersion: string,
  kind: string,
): Scope | undefined {
  for (const [version, defined, scope] of definedKinds(objects))
    if (version === apiVersion && defined === kind) return scope;
  return undefined;
}

/** A namespace takes its objects along, a definition its custom resources. */
function dropContents(objects: Map<string, Stored>, gone: KubeObject): void {
  const group = valueAt(gone, ["spec", "group"]);
  const kind = valueAt(gone, ["spec", "names", "kind"]);
  for (const [key, { object }] of objects) {
    const within = gone.kind === "Namespace" && object.metadata.namespace === gone.metadata.name;
    const defined =
      gone.kind === "CustomResourceDefinition" &&
      object.kind === kind &&
      groupOf(object.apiVersion) === group;
    if (within || defined) objects.delete(key);
  }
}

function keyOf({ apiVersion, kind, namespace, name }: Address): string {
  return refKey({ group: groupOf(apiVersion), kind, namespace, name });
}

function namespaceRef(name: string): ObjectRef {
  return { group: "", kind: "Namespace", namespace: "", name };
}
