/**
 * What goes because it is no longer among the documents. A thing that something else still needs is kept and told; an
 * App that is leaving its clusters already is left to that.
 */
import type { App } from "./app.ts";
import { idOf, inOrder, type Change, type Held, type KeepChange, type RemoveChange } from "./apply-plan.ts";
import type { ResourceKind } from "./resource.ts";

/** Deleting a Cluster cuts its agent off, so it is asked for by name; a Project goes by hand only. */
export const PRUNED_KINDS = [
  "App",
  "Source",
  "Policy",
  "Promotion",
] as const satisfies readonly ResourceKind[];
export const PRUNABLE_KINDS = [...PRUNED_KINDS, "Cluster"] as const satisfies readonly ResourceKind[];
export type PrunableKind = (typeof PRUNABLE_KINDS)[number];

export interface Pruning {
  /** Everything of the kinds and projects in question, as it is stored. */
  held: readonly Held[];
  /** Ids of what the documents name. */
  named: ReadonlySet<string>;
  /** Which of the others go. */
  isMeant: (held: Held) => boolean;
  /** Why one of those stays all the same. */
  staysFor: (held: Held) => string | undefined;
  /** Apps as the documents make them. */
  apps: readonly App[];
}

/** In the order in which things are removed: what needs others before these. */
export function planPrune({ held, named, isMeant, staysFor, apps }: Pruning): (RemoveChange | KeepChange)[] {
  const meant = held.filter((one) => !named.has(idOf(one.resource)) && !one.deleting && isMeant(one));
  const going = new Set(meant.filter((one) => staysFor(one) === undefined).map((one) => idOf(one.resource)));
  const users = usersOf(held, apps, going);
  return meant
    .map((before): RemoveChange | KeepChange => {
      const why = staysFor(before) ?? usedBy(before, users);
      return why === undefined ? { kind: "remove", before } : { kind: "keep", before, why };
    })
    .sort((a, b) => inOrder(b.before.resource, a.before.resource));
}

interface User {
  app: string;
  leaving: boolean;
}

/** By `project/source`: the Apps that need it. */
function usersOf(
  held: readonly Held[],
  apps: readonly App[],
  going: ReadonlySet<string>,
): Map<string, User[]> {
  const users = new Map<string, User[]>();
  const changed = new Set(apps.map(idOf));
  const add = (app: App, leaving: boolean): void => {
    const key = `${app.metadata.project}/${app.spec.source}`;
    users.set(key, [...(users.get(key) ?? []), { app: app.metadata.name, leaving }]);
  };
  for (const app of apps) add(app, false);
  for (const { resource, deleting } of held)
    if (resource.kind === "App" && !changed.has(idOf(resource)))
      add(resource, deleting || going.has(idOf(resource)));
  return users;
}

function usedBy({ resource }: Held, users: ReadonlyMap<string, readonly User[]>): string | undefined {
  if (resource.kind !== "Source") return undefined;
  const needing = users.get(`${resource.metadata.project}/${resource.metadata.name}`) ?? [];
  const staying = needing.find(({ leaving }) => !leaving);
  if (staying !== undefined) return `App ${staying.app} uses it`;
  const [leaving] = needing;
  return leaving === undefined ? undefined : `App ${leaving.app} has to leave its clusters first`;
}

export function removals(changes: readonly Change[]): RemoveChange[] {
  return changes.filter((change) => change.kind === "remove");
}
