/**
 * What a fleet folder may do of what it says. Each document stands for itself: one that is refused is told, and changes
 * nothing for the others.
 */
import { SOURCE_RULES, type Rule } from "#core/access.ts";
import { actorName, type Actor } from "#core/actor.ts";
import {
  planPuts,
  projectFor,
  titleOf,
  type Document,
  type PutChange,
  type World,
} from "#core/apply-plan.ts";
import { rulesIn } from "../api/caller.ts";
import { refuseWindows } from "../apply/refuse-windows.ts";
import { rightsCheck, type RulesIn } from "../apply/rights.ts";
import type { Db } from "../store/db.ts";
import { refuseExpressions } from "../policy/refuse.ts";

export interface Decided {
  changes: PutChange[];
  errors: string[];
}

/** A Source's rules hold in its own project and nowhere else. */
export function sourceRules(db: Db, actor: Extract<Actor, { kind: "source" }>): RulesIn {
  return async (project): Promise<readonly Rule[]> =>
    project === actor.project
      ? [...SOURCE_RULES, ...(await rulesIn(db, { actor, session: false }, project))]
      : [];
}

export async function decidePuts(
  documents: readonly Document[],
  world: World,
  actor: Actor,
  rules: RulesIn,
): Promise<Decided> {
  const managedBy = actorName(actor);
  const refusalOf = rightsCheck(rules, (name) => projectFor(name, documents, world));
  const decided: Decided = { changes: [], errors: [] };
  const puts = planPuts(documents, world, { managedBy, takeover: false });
  for (const { change, refusal } of refuseWindows(await refuseExpressions(puts))) {
    const words = await refusalOf(change);
    const { place, resource } = change;
    if (words === undefined && refusal === undefined) {
      decided.changes.push(change);
      continue;
    }
    const forbidden = `${place}: ${titleOf(resource)}: ${managedBy} may not ${words}`;
    decided.errors.push(words === undefined ? (refusal?.message ?? "") : forbidden);
    if (resource.kind !== "Project") continue;
    // The others are held against the Project as it will be, and this one will not be written.
    const rest = await decidePuts(
      documents.filter((one) => one.place !== place),
      world,
      actor,
      rules,
    );
    return { changes: rest.changes, errors: [...decided.errors, ...rest.errors] };
  }
  return decided;
}
