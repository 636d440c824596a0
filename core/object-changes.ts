/**
 * Two versions of one bundle's objects: which come, which go, which change and in what. Objects are the same by
 * identity, with the namespace that they will have; nothing of a Secret's values is told.
 */
import { canonicalJson } from "./digest.ts";
import { changesBetween, type FieldChange } from "./diff.ts";
import { isHook } from "./hooks.ts";
import { refKey, refOf, type KubeObject, type ObjectRef } from "./object.ts";
import { inNamespace, namespaceOf, scopesIn } from "./scope.ts";
import { withEncodedData } from "./secret.ts";

export interface ObjectChanges {
  created: ObjectRef[];
  /** At least one field each; at most 100 are told. */
  changed: { object: ObjectRef; fields: FieldChange[] }[];
  gone: ObjectRef[];
  unchanged: number;
}

/** The objects of a bundle and the App's namespace, in which what names none will stand. */
export interface Placed {
  objects: readonly KubeObject[];
  namespace: string;
}

/** Each list in order of the identities. Undefined is a cluster that has nothing of the App. */
export function changesOfObjects(before: Placed | undefined, after: Placed | undefined): ObjectChanges {
  const [was, is] = [byKey(before), byKey(after)];
  const keys = [...new Set([...was.keys(), ...is.keys()])].sort();
  const found: ObjectChanges = { created: [], changed: [], gone: [], unchanged: 0 };
  for (const key of keys) {
    const [old, next] = [was.get(key), is.get(key)];
    if (next === undefined) addGone(found, old as KubeObject);
    else if (old === undefined) found.created.push(refOf(next));
    else addPair(found, old, next);
  }
  return found;
}

/** A hook that goes takes nothing away: it is held by no cluster. */
function addGone(found: ObjectChanges, old: KubeObject): void {
  if (!isHook(old)) found.gone.push(refOf(old));
}

function addPair(found: ObjectChanges, old: KubeObject, next: KubeObject): void {
  // In canonical order, so that the same two objects always tell their fields in the same one.
  const [was, is] = [canonicalJson(withEncodedData(old)), canonicalJson(withEncodedData(next))];
  if (was === is) found.unchanged += 1;
  else {
    const fields = changesBetween(JSON.parse(was) as KubeObject, JSON.parse(is) as KubeObject);
    found.changed.push({ object: refOf(next), fields });
  }
}

function byKey(placed: Placed | undefined): Map<string, KubeObject> {
  const { objects, namespace } = placed ?? { objects: [], namespace: "" };
  const scopeOf = scopesIn(objects);
  const standing = objects.map((object) =>
    inNamespace(object, namespaceOf(object, scopeOf(object), namespace)),
  );
  return new Map(standing.map((object) => [refKey(refOf(object)), object]));
}
