/** What the hub knows of a Source's ref and of an App's way: small items, written only when they change. */
import { askedSchema } from "#core/asked.ts";
import { canonicalJson } from "#core/digest.ts";
import { sourceStateSchema, type SourceState } from "#core/source.ts";
import { appStateSchema, type AppState } from "#core/view.ts";
import * as z from "zod";
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

export async function getSourceState(
  db: Db,
  project: string,
  name: string,
): Promise<SourceState | undefined> {
  const item = await db.get(keys.sourceState(project, name), { consistent: true });
  return item === undefined ? undefined : sourceStateSchema.parse(item["state"]);
}

/** Times apart, an equal state is not written again: a quiet source costs no write. */
export async function putSourceState(
  db: Db,
  project: string,
  name: string,
  state: SourceState,
): Promise<"written" | "unchanged" | "lost"> {
  const before = await getSourceState(db, project, name);
  if (before !== undefined && canonicalJson({ ...before, at: 0 }) === canonicalJson({ ...state, at: 0 }))
    return "unchanged";
  const item = { ...keys.sourceState(project, name), project, name, state };
  const names = { state: "state", at: "at" };
  // Of two polls at once the slower one finds another state than it read, and looks again at the next poll.
  const unread = { text: "attribute_not_exists(pk)" };
  return db.put(
    item,
    before === undefined ? unread : { text: "#state.#at = :at", names, values: { at: before.at } },
  );
}

export async function listSourceStates(db: Db, project: string): Promise<Map<string, SourceState>> {
  const items = await readAll(db, lists.sourceStates(project));
  return new Map(items.map((item) => [item["name"] as string, sourceStateSchema.parse(item["state"])]));
}

/** By name; who was never looked at is absent. */
export async function getSourceStates(
  db: Db,
  project: string,
  names: readonly string[],
): Promise<Map<string, SourceState>> {
  const items = await db.getMany(names.map((name) => keys.sourceState(project, name)));
  return new Map(items.map((item) => [item["name"] as string, sourceStateSchema.parse(item["state"])]));
}

/** The API's AppState, with what the release function needs to be sure nobody else moved the App meanwhile. */
export const appRecordSchema = appStateSchema.extend({
  project: z.string(),
  app: z.string(),
  version: z.number().int(),
  epoch: z.number().int(),
  generation: z.number().int(),
  /** Digest of the inputs looked at last, and when that was. */
  inputs: z.string(),
  /** The same without tree and commit; and what its renders took of the tree, by digest. Absent where none was made. */
  fixed: z.string().optional(),
  reads: z.string().optional(),
  lookedAt: z.number(),
  /** What it wanted to know of its clusters then, and the digest of their answers: another one is something new. */
  asked: askedSchema.optional(),
  /** A person wants what that release gave; gone once a release was made of it, or could not be. */
  returnTo: z.object({ release: z.number().int(), by: z.string() }).optional(),
  answers: z.string().optional(),
});
export type AppRecord = z.infer<typeof appRecordSchema>;

export async function getAppRecord(db: Db, project: string, app: string): Promise<AppRecord | undefined> {
  const item = await db.get(keys.appState(project, app), { consistent: true });
  return item === undefined ? undefined : appRecordSchema.parse(item);
}

export async function listAppStates(db: Db, project: string): Promise<Map<string, AppState>> {
  const items = await readAll(db, lists.appStates(project));
  return new Map(items.map((item) => [item["app"] as string, appStateSchema.parse(item)]));
}

/** With what the release function keeps of its looks. */
export async function listAppRecords(db: Db, project: string): Promise<Map<string, AppRecord>> {
  const items = await readAll(db, lists.appStates(project));
  return new Map(items.map((item) => [item["app"] as string, appRecordSchema.parse(item)]));
}

/** By name; an App without a release is absent. */
export async function getAppStates(
  db: Db,
  project: string,
  apps: readonly string[],
): Promise<Map<string, AppState>> {
  const items = await db.getMany(apps.map((app) => keys.appState(project, app)));
  return new Map(items.map((item) => [item["app"] as string, appStateSchema.parse(item)]));
}

/** `wasVersion` undefined: there was none. */
export function appRecordCondition(wasVersion: number | undefined) {
  return wasVersion === undefined
    ? { text: "attribute_not_exists(pk)" }
    : { text: "#version = :was", names: { version: "version" }, values: { was: wasVersion } };
}

export async function putAppRecord(
  db: Db,
  record: AppRecord,
  wasVersion: number | undefined,
): Promise<"written" | "lost"> {
  return db.put({ ...keys.appState(record.project, record.app), ...record }, appRecordCondition(wasVersion));
}

/** The release whose rollout is in force. */
export function inForce({ release, rolling }: Pick<AppState, "release" | "rolling">): number {
  return rolling ?? release;
}

/** The newest rollout is over: the sweep need not look at it any more. Not where the record was changed since it was read. */
export async function markInactive(
  db: Db,
  { project, app, version }: Pick<AppRecord, "project" | "app" | "version">,
  then?: "look-anew",
): Promise<void> {
  const forget = then === undefined ? "" : " REMOVE #reads";
  await db.update(
    keys.appState(project, app),
    {
      text: `SET #active = :false, #version = :next${forget}`,
      names: { active: "active", version: "version", ...(then === undefined ? {} : { reads: "reads" }) },
      values: { false: false, next: version + 1, version },
    },
    "#version = :version",
  );
}
