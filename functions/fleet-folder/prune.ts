/**
 * What goes because a commit took it out of the folder. Never on a guess: nothing while a document cannot be read, no
 * cluster whose agent is registered, and never very much at once.
 */
import type { App } from "#core/app.ts";
import { idOf, titleOf, type Change, type Held, type RemoveChange } from "#core/apply-plan.ts";
import { withheldRemovals } from "#core/fleet-folder.ts";
import { planPrune, removals } from "#core/prune.ts";
import { getLine } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";

export interface FolderPruning {
  held: readonly Held[];
  named: ReadonlySet<string>;
  apps: readonly App[];
  managedBy: string;
  refusalOf: (change: Change) => Promise<string | undefined>;
}

export async function decidePrune(
  db: Db,
  { held, named, apps, managedBy, refusalOf }: FolderPruning,
): Promise<{ changes: RemoveChange[]; errors: string[] }> {
  const kept = held.filter((one) => one.managedBy === managedBy && !one.deleting);
  const stays = new Map<string, string>();
  for (const before of kept.filter((one) => !named.has(idOf(one.resource)))) {
    const why = await stayReason(db, before, refusalOf);
    if (why !== undefined) stays.set(idOf(before.resource), why);
  }
  const planned = planPrune({
    held,
    named,
    isMeant: (one) => one.managedBy === managedBy,
    staysFor: ({ resource }) => stays.get(idOf(resource)),
    apps,
  });
  const errors = planned.flatMap((change) =>
    change.kind === "keep"
      ? [`${titleOf(change.before.resource)} is not in the folder any more and stays: ${change.why}`]
      : [],
  );
  const changes = removals(planned);
  const withheld = withheldRemovals(changes.length, kept.length);
  return withheld === undefined ? { changes, errors } : { changes: [], errors: [...errors, withheld] };
}

async function stayReason(
  db: Db,
  before: Held,
  refusalOf: FolderPruning["refusalOf"],
): Promise<string | undefined> {
  const { kind, metadata } = before.resource;
  const words = await refusalOf({ kind: "remove", before });
  if (words !== undefined) return `this Source may not ${words}`;
  if (kind === "Project") return "a Project is deleted by hand only";
  if (kind !== "Cluster") return undefined;
  const line = await getLine(db, metadata.project, metadata.name);
  if (line?.key === undefined) return undefined;
  return `its agent is registered and would be cut off: fairlead delete cluster ${metadata.name}`;
}
