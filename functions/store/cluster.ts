/** A cluster's heartbeat, and the short-lived tokens with which it registers. */
import * as z from "zod";
import type { Stamp } from "#core/actor.ts";
import type { PublicKey } from "#core/charter.ts";
import { assertNever } from "#core/assert.ts";
import { sha256 } from "#core/digest.ts";
import { clusterHoldSchema } from "#core/hold.ts";
import { SILENT_AFTER_MS } from "#core/limits.ts";
import { judgeRun } from "#core/run.ts";
import { registerKey, type Registered } from "./agent-key.ts";
import { readAll, type Db, type Item } from "./db.ts";
import { getLine, noteTwice, type Line } from "./line.ts";
import { keys, lists } from "./table.ts";

export { getLine, type Line } from "./line.ts";

export async function putToken(
  db: Db,
  project: string,
  cluster: string,
  secret: string,
  expiresAt: number,
): Promise<void> {
  const line = await getLine(db, project, cluster, { consistent: true });
  const item = {
    ...keys.token(sha256(secret)),
    project,
    cluster,
    revocations: line?.revocations ?? 0,
    expiresAt,
    expires: Math.ceil(expiresAt / 1000),
  };
  await db.put(item, { text: "attribute_not_exists(pk)" });
}

export type Redeemed =
  | { kind: "redeemed"; project: string; cluster: string }
  | { kind: "refused"; message: string };

/** The token binds to the first key that comes with it; the same pair may repeat until it expires. */
export async function redeemToken(db: Db, secret: string, key: PublicKey, now: number): Promise<Redeemed> {
  const tokenKey = keys.token(sha256(secret));
  const item = await db.get(tokenKey, { consistent: true });
  if (item === undefined) return refused("the token is unknown");
  if ((item["expiresAt"] as number) < now) return refused("the token has expired");
  const bound = await db.update(
    tokenKey,
    { text: "SET #x = :x", names: { x: "x" }, values: { x: key.x } },
    "attribute_exists(pk) AND (attribute_not_exists(#x) OR #x = :x)",
  );
  if (bound === "lost") return refused("the token was used with another key");
  const { project, cluster } = item as { project: string; cluster: string };
  const revocations = (item["revocations"] as number | undefined) ?? 0;
  const stamp: Stamp = { by: `agent:${project}/${cluster}` };
  const registered = await registerKey(db, project, cluster, { key, revocations, stamp, now });
  const message = refusalOf(registered, cluster);
  return message === undefined ? { kind: "redeemed", project, cluster } : refused(message);
}

function refusalOf(registered: Registered, cluster: string): string | undefined {
  switch (registered) {
    case "registered":
    case "already":
      return undefined;
    case "absent":
      return `cluster ${cluster} is not there any more`;
    case "revoked key":
      return "this key was revoked, and the agent still holds it: delete the Secret fairlead-agent in fairlead-system";
    case "old token":
      return "the token was made before the cluster's key was revoked";
    case "lost":
      return "the cluster's key is being changed by others at this moment";
    default:
      return assertNever(registered);
  }
}

function refused(message: string): Redeemed {
  return { kind: "refused", message: `${message}: make a new one with "fairlead cluster register"` };
}

const beatSchema = z.object({
  cluster: z.string(),
  heardAt: z.number(),
  agent: z.string().optional(),
  kubernetes: z.string().optional(),
  run: z.string().optional(),
  since: z.number().optional(),
  before: z.string().optional(),
  /** When two agents with this key were last heard beside each other. */
  twiceAt: z.number().optional(),
  /** What holds it; written with the item that says who did it. */
  holds: clusterHoldSchema.optional(),
});
export type Beat = z.infer<typeof beatSchema>;

export interface Heard {
  agent?: string | undefined;
  kubernetes?: string | undefined;
}

/** Of a registration: whatever ran before under another key is forgotten. */
export async function putBeat(
  db: Db,
  project: string,
  cluster: string,
  now: number,
  heard: Heard = {},
): Promise<void> {
  const forget = { run: "run", since: "since", before: "before", twiceAt: "twiceAt" };
  const { text, names, values } = setting({ cluster, heardAt: now, ...heard });
  const change = {
    text: `${text} REMOVE #run, #since, #before, #twiceAt`,
    names: { ...names, ...forget },
    values,
  };
  await db.update(keys.beat(project, cluster), change);
}

/** One write while the same agent process is heard; `run` names it. Two of them that take turns are told. */
export async function hear(db: Db, line: Line, run: string, now: number, heard: Heard = {}): Promise<void> {
  const { project, cluster } = line;
  const key = keys.beat(project, cluster);
  const fields = { cluster, heardAt: now, ...heard };
  const same = "attribute_not_exists(#run) OR #run = :run";
  if ((await db.update(key, setting({ ...fields, run }), same)) === "written") return;
  const item = await db.get(key, { consistent: true });
  const held: Partial<Beat> = item === undefined ? {} : beatSchema.parse(item);
  // Registered anew in between: whose beat this is will be seen at the next one.
  if (held.run === undefined) return;
  const verdict = judgeRun(held, run, now);
  const next = { ...fields, run, since: now, before: held.run };
  const change = {
    same: { ...fields, run },
    late: { ...fields, run: held.run },
    replaced: next,
    twice: { ...next, twiceAt: now },
  }[verdict];
  const { text, names, values } = setting(change);
  // Whoever else was heard at this very moment has written the row: as good as heard.
  await db.update(key, { text, names, values: { ...values, was: held.run } }, "#run = :was");
  if (verdict === "twice") await noteTwice(db, line, now);
}

/** Fields that are undefined stay as they are. */
function setting(fields: Record<string, unknown>) {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined);
  return {
    text: `SET ${told.map(([name]) => `#${name} = :${name}`).join(", ")}`,
    names: Object.fromEntries(told.map(([name]) => [name, name])),
    values: Object.fromEntries(told),
  };
}

export async function listBeats(db: Db, project: string): Promise<Map<string, Beat>> {
  return beatsOf(await readAll(db, lists.beats(project)));
}

export async function deleteBeat(db: Db, project: string, cluster: string): Promise<void> {
  await db.delete(keys.beat(project, cluster));
}

/** By cluster; who never beat is absent. */
export async function getBeats(
  db: Db,
  project: string,
  clusters: readonly string[],
): Promise<Map<string, Beat>> {
  // A beat that is a second old is as good: who is silent has been so for minutes.
  const options = { consistent: false };
  return beatsOf(
    await db.getMany(
      clusters.map((cluster) => keys.beat(project, cluster)),
      options,
    ),
  );
}

/** One that was held before it was ever heard is none yet. */
function beatsOf(items: readonly Item[]): Map<string, Beat> {
  const beats = items.map((item) => beatSchema.parse(item)).filter(({ heardAt }) => heardAt > 0);
  return new Map(beats.map((beat) => [beat.cluster, beat]));
}

/** Which of these clusters there are. */
export async function existingClusters(
  db: Db,
  project: string,
  clusters: readonly string[],
): Promise<Set<string>> {
  const items = await db.getMany(clusters.map((cluster) => keys.cluster(project, cluster)));
  return new Set(items.map(({ name }) => String(name)));
}

/** Never heard counts as silent. */
export function isSilent(beat: Beat | undefined, now: number): boolean {
  return beat === undefined || now - beat.heardAt > SILENT_AFTER_MS;
}
