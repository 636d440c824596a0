/**
 * The Kubernetes port in memory, for *simulated* clusters in demos and tests: no machine runs anything. Objects get
 * UIDs, versions, generations, field ownership, and a status that becomes healthy `readyAfterMs` after a change;
 * a workload whose image tag starts with `broken` (`web:broken`) fails instead. Time is read when asked, and a
 * timer runs only for what somebody watches, so fifty of these idle in one process for nothing.
 */
import { groupOf, refKey, refOf, refText, type KubeObject, type ObjectRef } from "#core/object.ts";
import { valueAt, type Fields } from "#core/pointer.ts";
import { withEncodedData } from "#core/secret.ts";
import { matches } from "#core/selector.ts";
import { BUILTIN_KINDS, type Scope } from "./builtin.ts";
import { MemoryObjects, type Stored } from "./memory-objects.ts";
import { isSelected, metadataOf } from "./memory-watch.ts";
import { mergeApply, mergeEdit, ownersOf, type Owners } from "./merge.ts";
import { FIELD_MANAGER, KubeError, type Address, type Kube, type Selection } from "./port.ts";
import { notServed } from "./served.ts";

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
  /** As a server that has compacted its history: who watches must list again. */
  forgetChanges(): void;
}

const READY_AFTER_MS_DEFAULT = 1_500;
const SIMULATED_VERSION = "v1.34.4+simulated";
const OBJECTS_MAX = 20_000;
const NAMESPACES = ["default", "kube-system", "fairlead-system"];

export function createMemoryKube(options: MemoryKubeOptions): MemoryKube {
  const { name, now, readyAfterMs = READY_AFTER_MS_DEFAULT } = options;
  const stored = new MemoryObjects(now, readyAfterMs);
  const { all: objects, changes } = stored;
  for (const namespace of NAMESPACES)
    stored.store({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, new Map());

  function scopeOf(apiVersion: string, kind: string): Scope | undefined {
    return BUILTIN_KINDS.get(`${apiVersion}/${kind}`) ?? definedScope(objects, apiVersion, kind);
  }

  function expectServed({ apiVersion, kind }: Selection): void {
    if (scopeOf(apiVersion, kind) === undefined)
      throw notServed({ apiVersion, kind, metadata: { name: "any" } }, []);
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
    async apply(wanted, { dryRun, force, absent = false }) {
      admit(wanted);
      const { status: _status, ...object } = withEncodedData(wanted);
      const live = stored.held(refKey(refOf(object)));
      if (absent && live !== undefined) throw modified(`${object.kind} ${object.metadata.name}`);
      const merged = mergeApply(live, object, FIELD_MANAGER, now());
      if (merged.conflicts.length > 0 && !force) throw conflict(merged.conflicts);
      const { object: next, owners } = settle(live, merged);
      return stored.show(dryRun ? stored.next(live, next, owners) : stored.store(next, owners));
    },
    async applyStatus(object) {
      const { object: live, owners } = storedAt(stored, addressOf(object));
      const same = JSON.stringify(live["status"]) === JSON.stringify(object["status"]);
      return stored.show(stored.store(same ? live : { ...live, status: object["status"] }, owners));
    },
    async setManagers(target, managedFields, resourceVersion) {
      const { object } = storedAt(stored, target, resourceVersion);
      return stored.show(stored.store(object, ownersOf(managedFields)));
    },
    async get(target) {
      const live = stored.held(keyOf(target));
      return live === undefined ? undefined : stored.show(live);
    },
    async delete(target, uid, resourceVersion) {
      const key = keyOf(target);
      const live = objects.get(key);
      if (live === undefined) return "absent";
      if (uid !== undefined && uid !== live.uid) return "other";
      if (resourceVersion !== undefined && resourceVersion !== String(live.version)) return "other";
      stored.remove(key, live);
      for (const [within, one] of contentsOf(objects, live.object)) stored.remove(within, one);
      return "deleted";
    },
    scopeOf: async (apiVersion, kind) => scopeOf(apiVersion, kind),
    served: async () => servedKinds(objects),
    async *openapi() {},
    version: async () => SIMULATED_VERSION,
    // Nobody has rights in a simulated cluster, or everybody.
    as() {
      return this;
    },
    ...podsOf(stored),
    async *listMetadata(selection) {
      expectServed(selection);
      const selected = stored.sorted().filter(({ object }) => isSelected(object, selection));
      yield { objects: selected.map((one) => metadataOf(stored.show(one))), version: String(stored.version) };
    },
    async *watchMetadata(selection, from) {
      expectServed(selection);
      for (const [key, one] of objects) stored.ripenLater(key, one);
      yield* changes.follow(selection, from);
    },
    edit(target, patch, manager = "kubectl-edit") {
      const merged = mergeEdit(storedAt(stored, target), patch, manager, now());
      return stored.show(stored.store(merged.object, merged.owners));
    },
    list: () => stored.sorted().map((one) => stored.show(one)),
    forgetChanges: () => changes.forget(++stored.version),
  };
}

/** What an apply left as it was is the very same data, so that nothing counts as a new version. */

function podsOf(stored: MemoryObjects): Pick<Kube, "pods" | "podLog"> {
  return {
    async pods(namespace, selector, podsMax) {
      const all = stored.sorted().map((one) => stored.show(one));
      const within = all.filter(
        (one) => one.kind === "Pod" && one.apiVersion === "v1" && one.metadata.namespace === namespace,
      );
      return within.filter(({ metadata }) => matches(selector, metadata.labels ?? {})).slice(0, podsMax);
    },
    async podLog({ namespace, name: pod, container, previous }) {
      const live = stored.held(keyOf({ apiVersion: "v1", kind: "Pod", namespace, name: pod }));
      if (live === undefined) throw new KubeError(404, "NotFound", `pods "${pod}" not found`);
      if (previous) throw new KubeError(400, "BadRequest", `no previous run of ${container} in ${pod}`);
      return "";
    },
  };
}

function settle(held: Stored | undefined, merged: { object: KubeObject; owners: Owners }) {
  if (held === undefined) return merged;
  const same = JSON.stringify(held.object) === JSON.stringify(merged.object);
  const sameOwners =
    held.owners.size === merged.owners.size && [...merged.owners].every(([k, v]) => held.owners.get(k) === v);
  return { object: same ? held.object : merged.object, owners: sameOwners ? held.owners : merged.owners };
}

/** What is stored, if it is there; with a version, if nobody has changed it since. */
function storedAt(stored: MemoryObjects, target: Address, version?: string): Stored {
  const held = stored.held(keyOf(target));
  const what = `${target.kind} ${target.name}`;
  if (held === undefined) throw new KubeError(404, "NotFound", `${what} not found`);
  if (version !== undefined && String(held.version) !== version) throw modified(what);
  return held;
}

function modified(what: string): KubeError {
  return new KubeError(409, "Conflict", `${what} has been modified`);
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
function contentsOf(objects: ReadonlyMap<string, Stored>, gone: KubeObject): [string, Stored][] {
  const group = valueAt(gone, ["spec", "group"]);
  const kind = valueAt(gone, ["spec", "names", "kind"]);
  return [...objects].filter(([, { object }]) => {
    const within = gone.kind === "Namespace" && object.metadata.namespace === gone.metadata.name;
    const defined =
      gone.kind === "CustomResourceDefinition" &&
      object.kind === kind &&
      groupOf(object.apiVersion) === group;
    return within || defined;
  });
}

function keyOf({ apiVersion, kind, namespace, name }: Address): string {
  return refKey({ group: groupOf(apiVersion), kind, namespace, name });
}

function addressOf({ apiVersion, kind, metadata }: KubeObject): Address {
  return { apiVersion, kind, namespace: metadata.namespace ?? "", name: metadata.name };
}

function namespaceRef(name: string): ObjectRef {
  return { group: "", kind: "Namespace", namespace: "", name };
}
