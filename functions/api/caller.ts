/**
 * Who makes a request and what they may. A route asks `authorize` before it reads or writes anything; a refusal is the
 * same whether the thing exists or not.
 */
import type { Context } from "hono";
import { actorName, type Actor, type Stamp } from "#core/actor.ts";
import { allows, covers, rulesFor, type Ask, type Rule } from "#core/access.ts";
import { Problem } from "#core/problem.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { decodeReason, REASON_HEADER } from "#core/reason.ts";
import type { Db } from "../store/db.ts";
import { getProject } from "../store/resource.ts";

export interface Caller {
  actor: Actor;
  /** An API token's own rules; everyone else's stand in the Projects. */
  tokenRules?: readonly Rule[] | undefined;
  /** When the API token ends that proves it; what it makes may not outlive it. */
  expiresAt?: number | undefined;
  /** A browser's session: its writes need an origin that is ours. */
  session: boolean;
}

/** What middleware puts beside a request for the routes. */
export interface ApiEnv {
  Variables: {
    caller: Caller;
    request: string;
    from: string | undefined;
    /** Said by a route for its ETag, see `conditional.ts`. */
    version: number | undefined;
    tagged: string | undefined;
    /** The code of a refusal, for the log. */
    code: string | undefined;
  };
}
export type ApiContext = Context<ApiEnv>;

/** Rules of the caller in one project: of the project's own roles, and of the hub's project, which hold everywhere. */
export async function rulesIn(db: Db, { actor, tokenRules }: Caller, project: string): Promise<Rule[]> {
  if (actor.kind === "token")
    return actor.project === project || actor.project === HUB_PROJECT ? [...(tokenRules ?? [])] : [];
  // A Source of another project may have the same name.
  if (actor.kind === "source" && actor.project !== project) return [];
  const projects = actor.kind === "source" ? [project] : [...new Set([project, HUB_PROJECT])];
  const found = await Promise.all(projects.map((name) => getProject(db, name)));
  return found.flatMap((one) => rulesFor(actor, one?.spec.roles ?? []));
}

/** Throws `forbidden` unless every ask is allowed. */
export async function authorize(
  db: Db,
  context: ApiContext,
  project: string,
  ...asks: readonly Ask[]
): Promise<void> {
  const caller = context.get("caller");
  requireAll(caller, project, await rulesIn(db, caller, project), asks);
}

/** Throws `forbidden` for the first ask that `rules` do not allow. */
export function requireAll(
  caller: Caller,
  project: string,
  rules: readonly Rule[],
  asks: readonly Ask[],
): void {
  const refused = asks.find((ask) => !allows(rules, ask));
  if (refused !== undefined) throw forbidden(caller, project, refused);
}

export function forbidden({ actor }: Caller, project: string, { verb, noun }: Ask): Problem {
  return new Problem("forbidden", `${actorName(actor)} may not ${verb} ${noun} in project ${project}`);
}

/** Throws `forbidden` when `wanted` is more than the caller has: nobody hands out what is not theirs. */
export async function requireCover(
  db: Db,
  context: ApiContext,
  project: string,
  wanted: readonly Rule[],
): Promise<void> {
  const caller = context.get("caller");
  if (covers(await rulesIn(db, caller, project), wanted)) return;
  throw new Problem(
    "forbidden",
    `${actorName(caller.actor)} may not give more than it has in project ${project}`,
  );
}

/** What the audit log will say of this request's changes. A reason comes in a header of its own. */
export function stampOf(context: ApiContext): Stamp {
  const why = decodeReason(context.req.header(REASON_HEADER));
  const from = context.get("from");
  return {
    by: actorName(context.get("caller").actor),
    request: context.get("request"),
    ...(from === undefined ? {} : { from }),
    ...(why === undefined ? {} : { why }),
  };
}
