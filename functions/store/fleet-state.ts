/** What the hub did with a Source's fleet folder, and on what: written only when that changed. */
import * as z from "zod";
import { fleetFolderSchema, type FleetFolder } from "#core/fleet-folder.ts";
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

const fleetRecordSchema = z.object({
  project: z.string(),
  name: z.string(),
  state: fleetFolderSchema,
  /** Digest of commit, Source, Project and all that the folder keeps, as the sync left them. */
  seen: z.string(),
  /** How many Clusters it keeps: they are not listed where there are none. */
  clusters: z.number().int(),
  version: z.number().int(),
});
export type FleetRecord = z.infer<typeof fleetRecordSchema>;

export async function getFleetRecord(
  db: Db,
  project: string,
  name: string,
): Promise<FleetRecord | undefined> {
  const item = await db.get(keys.fleetState(project, name), { consistent: true });
  return item === undefined ? undefined : fleetRecordSchema.parse(item);
}

/** `record.version` is one above the version that was read. */
export async function putFleetRecord(db: Db, record: FleetRecord): Promise<"written" | "lost"> {
  const key = keys.fleetState(record.project, record.name);
  return db.put(
    { ...key, ...record },
    {
      text: "attribute_not_exists(pk) OR #version = :was",
      names: { version: "version" },
      values: { was: record.version - 1 },
    },
  );
}

export async function deleteFleetRecord(db: Db, { project, name, version }: FleetRecord): Promise<void> {
  await db.delete(keys.fleetState(project, name), {
    text: "#version = :was",
    names: { version: "version" },
    values: { was: version },
  });
}

/** By the Source's name. */
export async function listFleetStates(db: Db, project: string): Promise<Map<string, FleetFolder>> {
  return byName(await readAll(db, lists.fleetStates(project)));
}

export async function getFleetStates(
  db: Db,
  project: string,
  names: readonly string[],
): Promise<Map<string, FleetFolder>> {
  return byName(await db.getMany(names.map((name) => keys.fleetState(project, name))));
}

function byName(items: readonly unknown[]): Map<string, FleetFolder> {
  return new Map(items.map((item) => fleetRecordSchema.parse(item)).map(({ name, state }) => [name, state]));
}
