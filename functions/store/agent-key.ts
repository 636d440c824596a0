/**
 * What is done to an agent's key: registered, rotated, revoked. The line holds what each poll checks; beside it stands
 * who did it and when. Both change together or not at all, each time by the version of the second.
 */
import * as z from "zod";
import { stampSchema, type Stamp } from "#core/actor.ts";
import { fingerprintOf, type PublicKey } from "#core/charter.ts";
import { KEY_OVERLAP_MS } from "#core/limits.ts";
import { attributesOf, type Db, type Expression, type Item } from "./db.ts";
import { getLine, type Line } from "./line.ts";
import { keys } from "./table.ts";

const identitySchema = z.object({
  project: z.string(),
  cluster: z.string(),
  version: z.number().int(),
  stamp: stampSchema,
  event: z.enum(["registered", "rotation asked", "rotated", "revoked"]),
  /** Fingerprint of the key that is good now. */
  key: z.string().optional(),
  registeredAt: z.number().optional(),
  rotatedAt: z.number().optional(),
  revokedAt: z.number().optional(),
});
export type AgentIdentity = z.infer<typeof identitySchema>;

export async function getAgentIdentity(
  db: Db,
  project: string,
  cluster: string,
): Promise<AgentIdentity | undefined> {
  const item = await db.get(keys.identity(project, cluster), { consistent: true });
  return item === undefined ? undefined : identitySchema.parse(item);
}

interface Change {
  line: Expression;
  identity: Partial<AgentIdentity> & Pick<AgentIdentity, "event" | "stamp">;
}

/** `undefined` from `decide` ends it without a write. A lost race is decided again, a few times. */
async function changeKey<R extends string>(
  db: Db,
  project: string,
  cluster: string,
  decide: (line: Line | undefined) => R | { outcome: R; change: Change },
): Promise<R | "lost"> {
  for (let race = 0; race <= RACES_MAX; race++) {
    const decided = decide(await getLine(db, project, cluster, { consistent: true }));
    if (typeof decided === "string") return decided;
    const { line, identity } = decided.change;
    const before = await getAgentIdentity(db, project, cluster);
    const version = (before?.version ?? 0) + 1;
    const written = await db.transact([
      {
        Update: {
          TableName: db.table,
          Key: keys.line(project, cluster),
          UpdateExpression: line.text,
          ConditionExpression: "attribute_exists(pk)",
          ...attributesOf(line),
        },
      },
      {
        Put: {
          TableName: db.table,
          Item: withoutUndefined({
            ...before,
            ...identity,
            ...keys.identity(project, cluster),
            project,
            cluster,
            version,
          }),
          ...unless(before?.version),
        },
      },
    ]);
    if (written === "written") return decided.outcome;
  }
  return "lost";
}

const RACES_MAX = 5;

function withoutUndefined(item: Item): Item {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined));
}

function unless(version: number | undefined) {
  if (version === undefined) return { ConditionExpression: "attribute_not_exists(pk)" };
  return {
    ConditionExpression: "#version = :was",
    ...attributesOf({ text: "", names: { version: "version" }, values: { was: version } }),
  };
}

export type Registered = "registered" | "already" | "absent" | "revoked key" | "old token" | "lost";

/** `revocations` is the line's count when the token was made: a revoke ends the tokens of before as well. */
export async function registerKey(
  db: Db,
  project: string,
  cluster: string,
  agent: { key: PublicKey; revocations: number; stamp: Stamp; now: number },
): Promise<Registered> {
  const { key, stamp, now } = agent;
  return changeKey(db, project, cluster, (line): Registered | { outcome: Registered; change: Change } => {
    if (line === undefined) return "absent";
    if ((line.revocations ?? 0) !== agent.revocations) return "old token";
    if (line.revokedKey === key.x) return "revoked key";
    if (line.key?.x === key.x) return "already";
    return {
      outcome: "registered",
      change: {
        line: {
          text: "SET #key = :key REMOVE #previous, #previousUntil, #revoked, #rotate, #twiceAt",
          names: {
            key: "key",
            previous: "previous",
            previousUntil: "previousUntil",
            revoked: "revoked",
            rotate: "rotate",
            twiceAt: "twiceAt",
          },
          values: { key },
        },
        identity: { event: "registered", stamp, key: fingerprintOf(key), registeredAt: now },
      },
    };
  });
}

export type Rotated = "rotated" | "already" | "refused" | "lost";

/** `by` is the key that signed the request: the one in force, or the one it replaced while that is still good. */
export async function rotateKey(
  db: Db,
  project: string,
  cluster: string,
  agent: { by: string; next: PublicKey; stamp: Stamp; now: number },
): Promise<Rotated> {
  const { by, next, stamp, now } = agent;
  return changeKey(db, project, cluster, (line): Rotated | { outcome: Rotated; change: Change } => {
    if (line?.key === undefined) return "refused";
    if (line.key.x === next.x) return "already";
    const isGood = line.key.x === by || (line.previous === by && (line.previousUntil ?? 0) > now);
    if (!isGood || next.x === by || next.x === line.revokedKey) return "refused";
    return {
      outcome: "rotated",
      change: {
        line: {
          text: "SET #key = :key, #previous = :previous, #until = :until REMOVE #rotate, #twiceAt",
          names: {
            key: "key",
            previous: "previous",
            until: "previousUntil",
            rotate: "rotate",
            twiceAt: "twiceAt",
          },
          values: { key: next, previous: by, until: now + KEY_OVERLAP_MS },
        },
        identity: { event: "rotated", stamp, key: fingerprintOf(next), rotatedAt: now },
      },
    };
  });
}

/** The counter grows, so that the agent's next poll carries the wish. */
export async function askRotation(
  db: Db,
  project: string,
  cluster: string,
  stamp: Stamp,
): Promise<"asked" | "no key" | "lost"> {
  type Asked = "asked" | "no key";
  return changeKey(db, project, cluster, (line): Asked | { outcome: Asked; change: Change } => {
    if (line?.key === undefined) return "no key";
    if (line.rotate === true) return "asked";
    return {
      outcome: "asked",
      change: {
        line: {
          text: "SET #rotate = :true ADD #desired :one",
          names: { rotate: "rotate", desired: "desired" },
          values: { true: true, one: 1 },
        },
        identity: { event: "rotation asked", stamp },
      },
    };
  });
}

/** Good for nothing from here on: the key, the one it replaced, and every token that was made before. */
export async function revokeKey(
  db: Db,
  project: string,
  cluster: string,
  stamp: Stamp,
  now: number,
): Promise<"revoked" | "absent" | "lost"> {
  type Revoked = "revoked" | "absent";
  return changeKey(db, project, cluster, (line): Revoked | { outcome: Revoked; change: Change } => {
    if (line === undefined) return "absent";
    const key = line.key?.x ?? line.revokedKey;
    return {
      outcome: "revoked",
      change: {
        line: {
          text: `SET #revoked = :true${key === undefined ? "" : ", #revokedKey = :x"} REMOVE #key, #previous, #until, #rotate, #twiceAt ADD #revocations :one`,
          names: {
            revoked: "revoked",
            ...(key === undefined ? {} : { revokedKey: "revokedKey" }),
            key: "key",
            previous: "previous",
            until: "previousUntil",
            rotate: "rotate",
            twiceAt: "twiceAt",
            revocations: "revocations",
          },
          values: { true: true, one: 1, ...(key === undefined ? {} : { x: key }) },
        },
        identity: { event: "revoked", stamp, key: undefined, revokedAt: now },
      },
    };
  });
}
