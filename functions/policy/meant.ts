/** What every kind of Policy has in common: its name in findings, and which objects it is about. */
import { groupOf, type KubeObject } from "#core/object.ts";
import type { Policy } from "#core/policy.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { inNamespace, namespaceOf, scopesIn } from "#core/scope.ts";

export type Match = Policy["spec"]["match"];

/** One that holds in every project is named with the project that it stands in. */
export function titleOf({ project, name }: Policy["metadata"]): string {
  return project === HUB_PROJECT ? `${project}/${name}` : name;
}

/** As they will be applied: with the namespace that they will have. */
export function placedObjects(objects: readonly KubeObject[], appNamespace: string): KubeObject[] {
  const scopeOf = scopesIn(objects);
  return objects.map((object) => {
    const scope = scopeOf(object);
    return scope === "unknown" ? object : inNamespace(object, namespaceOf(object, scope, appNamespace));
  });
}

export function isMeant({ groups, kinds, namespaces }: Match, object: KubeObject): boolean {
  const meant = (list: readonly string[] | undefined, value: string | undefined): boolean =>
    list === undefined || (value !== undefined && list.includes(value));
  return (
    meant(groups, groupOf(object.apiVersion)) &&
    meant(kinds, object.kind) &&
    meant(namespaces, object.metadata.namespace)
  );
}
