/**
 * Things of a project for who asks. What the caller may not see is answered exactly as if it were not there, and who
 * has no right to any of a kind is refused before anything is read.
 */
import { allows, nounOf, type Ask, type Noun, type Rule, type Verb } from "#core/access.ts";
import { Problem } from "#core/problem.ts";
import type { ResourceKind } from "#core/resource.ts";
import type { Db } from "../store/db.ts";
import { deleteResource, getResource, type OfKind, type Stored } from "../store/resource.ts";
import { forbidden, requireAll, rulesIn, stampOf, type ApiContext } from "./caller.ts";
import { requireMatch } from "./conditional.ts";
import { missing } from "./route.ts";

/** `noun` is what is asked for where it is not the resource itself: an App's rollouts. */
export async function findFor<K extends ResourceKind>(
  db: Db,
  context: ApiContext,
  { verb, noun, kind, project, name }: { verb: Verb; noun?: Noun; kind: K; project: string; name: string },
): Promise<Stored<OfKind<K>>> {
  const ask = { verb, noun: noun ?? nounOf(kind) };
  const rules = await rulesOnSome(db, context, project, ask);
  const stored = await getResource(db, kind, project, name);
  if (stored !== undefined && allows(rules, { ...ask, labels: labelsOf(stored) })) return stored;
  throw allows(rules, ask) ? missing(kind, project, name) : forbidden(context.get("caller"), project, ask);
}

/** What of a list the caller may read; throws `forbidden` where that is nothing, whatever the labels. */
export async function readable(
  db: Db,
  context: ApiContext,
  project: string,
  noun: Noun,
): Promise<(stored: Stored) => boolean> {
  const ask = { verb: "read", noun } as const;
  const rules = await rulesOnSome(db, context, project, ask);
  return (stored) => allows(rules, { ...ask, labels: labelsOf(stored) });
}

/** For what tells of a whole project: a right to some labels only is not enough. */
export async function authorizeWhole(
  db: Db,
  context: ApiContext,
  project: string,
  ...asks: readonly Ask[]
): Promise<void> {
  const caller = context.get("caller");
  requireAll(caller, project, unlimited(await rulesIn(db, caller, project)), asks);
}

/** Rules that hold whatever the labels. */
export function unlimited(rules: readonly Rule[]): Rule[] {
  return rules.filter(({ labels }) => labels === undefined);
}

/** Whether some thing could be allowed, be it under certain labels only. */
export function allowsSome(rules: readonly Rule[], ask: Ask): boolean {
  return allows(
    rules.map(({ verbs, nouns }) => ({ verbs, nouns })),
    ask,
  );
}

async function rulesOnSome(db: Db, context: ApiContext, project: string, ask: Ask): Promise<Rule[]> {
  const caller = context.get("caller");
  const rules = await rulesIn(db, caller, project);
  if (!allowsSome(rules, ask)) throw forbidden(caller, project, ask);
  return rules;
}

/** Under `If-Match`, and never over somebody else's change. */
export async function deleteFor(db: Db, context: ApiContext, stored: Stored): Promise<void> {
  requireMatch(context, stored.version);
  if ((await deleteResource(db, stored, stampOf(context))) === "lost") throw changed(stored);
}

export function changed({ resource: { kind, metadata } }: Stored): Problem {
  return new Problem("conflict", `${kind} ${metadata.name} has just changed: read it again, then decide`);
}

function labelsOf({ resource }: Stored) {
  return resource.metadata.labels;
}
