/**
 * A bundle made ready for this cluster: what came encrypted is opened, each namespaced object has a namespace, each
 * object its owner's mark. What cannot be applied at all is told as a problem of that object; the others are not held
 * up by it here.
 */
import { isHook } from "#core/hooks.ts";
import type { KubeObject } from "#core/object.ts";
import { refKey, refOf, refText } from "#core/object.ts";
import { mark, type Owner } from "#core/plan.ts";
import { inNamespace, namespaceOf, scopesDefinedIn } from "#core/scope.ts";
import type { Kube } from "./kube/port.ts";
import { openSecrets } from "./sops.ts";
import { isOwnState } from "./state/system.ts";

type Scope = Awaited<ReturnType<Kube["scopeOf"]>>;

export interface Prepared {
  objects: KubeObject[];
  /** Why an object cannot be applied, by its `refKey`. */
  problems: Map<string, string>;
}

export async function prepare(
  kube: Kube,
  bundle: readonly KubeObject[],
  namespace: string,
  owner: Owner,
  generation: string,
): Promise<Prepared> {
  const scopes = await scopesOf(kube, bundle);
  const opened = await openSecrets(kube, bundle);
  const objects: KubeObject[] = [];
  const problems = new Map<string, string>();
  const seen = new Set<string>();
  for (const object of opened.objects) {
    const scope = scopes.get(kindOf(object));
    const placed = mark(named(placedIn(object, scope, namespace), generation), owner);
    const key = refKey(refOf(placed));
    const problem = opened.problems.get(refKey(refOf(object))) ?? problemOf(placed, scope, seen.has(key));
    if (problem !== undefined) problems.set(key, problem);
    if (!seen.has(key)) objects.push(placed);
    seen.add(key);
  }
  return { objects, problems };
}

async function scopesOf(kube: Kube, bundle: readonly KubeObject[]): Promise<Map<string, Scope>> {
  // Our own definition is asked first: the server does not serve the kind before that is applied.
  const defined = scopesDefinedIn(bundle);
  const scopes = new Map<string, Scope>();
  for (const object of bundle) {
    const kind = kindOf(object);
    if (scopes.has(kind)) continue;
    scopes.set(kind, defined.get(kind) ?? (await kube.scopeOf(object.apiVersion, object.kind)));
  }
  return scopes;
}

function placedIn(object: KubeObject, scope: Scope, namespace: string): KubeObject {
  return scope === undefined ? object : inNamespace(object, namespaceOf(object, scope, namespace));
}

/** A hook that asks for a new name each time gets one for each generation: the same one after a restart. */
function named(object: KubeObject, generation: string): KubeObject {
  const { generateName, ...metadata } = object.metadata;
  if (typeof generateName !== "string" || !isHook(object)) return object;
  return { ...object, metadata: { ...metadata, name: `${metadata.name}-${generation.replace(".", "-")}` } };
}

function problemOf(object: KubeObject, scope: Scope, twice: boolean): string | undefined {
  const ref = refOf(object);
  if (twice) return `${refText(ref)} stands twice in the bundle`;
  if (isOwnState(ref)) return `${refText(ref)} is the agent's own and part of no App`;
  if (scope === undefined)
    return `${object.apiVersion} ${object.kind} is not served here and the bundle brings no definition of it`;
  return undefined;
}

function kindOf(object: KubeObject): string {
  return `${object.apiVersion}/${object.kind}`;
}
