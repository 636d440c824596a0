/**
 * What a cluster's API server serves, as its agent told: a small item of its own, written only when it changes, so that
 * an upgrade or a new definition is an event and a heartbeat is none.
 */
import * as z from "zod";
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

const toldSchemasSchema = z.object({ kubernetes: z.string(), digest: z.string() });

export const servedSchema = z.object({
  project: z.string(),
  cluster: z.string(),
  /** In force: the version, and the digest of a list that the object store holds. */
  kubernetes: z.string().optional(),
  apis: z.string().optional(),
  /** Told, but its list has not come yet. */
  pending: z.object({ kubernetes: z.string(), apis: z.string() }).optional(),
  /** Shapes of the built-in kinds, of the version that they were told for; those in `pendingSchemas` have not come yet. */
  schemas: toldSchemasSchema.optional(),
  pendingSchemas: toldSchemasSchema.optional(),
  /** Of the agent's message that it comes from. */
  seq: z.number().int(),
  at: z.number(),
});
export type Served = z.infer<typeof servedSchema>;

/** What it names in the object store. */
export function documentsOf({ apis, pending, schemas, pendingSchemas }: Served): string[] {
  return [apis, pending?.apis, schemas?.digest, pendingSchemas?.digest].filter(
    (digest) => digest !== undefined,
  );
}

export async function getServed(db: Db, project: string, cluster: string): Promise<Served | undefined> {
  const item = await db.get(keys.served(project, cluster), { consistent: true });
  return item === undefined ? undefined : servedSchema.parse(item);
}

/** By cluster; who has told nothing is absent. */
export async function listServed(db: Db, project: string): Promise<Map<string, Served>> {
  const items = await readAll(db, lists.served(project));
  return new Map(items.map((item) => servedSchema.parse(item)).map((served) => [served.cluster, served]));
}

/** `was` is what was read; whoever wrote meanwhile wins. */
export async function putServed(
  db: Db,
  served: Served,
  was: Served | undefined,
): Promise<"written" | "lost"> {
  const { project, cluster } = served;
  const unread = { text: "attribute_not_exists(pk)" };
  const unchanged = {
    text: "#seq = :seq AND #at = :at",
    names: { seq: "seq", at: "at" },
    values: { seq: was?.seq, at: was?.at },
  };
  return db.put({ ...keys.served(project, cluster), ...served }, was === undefined ? unread : unchanged);
}

export async function deleteServed(db: Db, project: string, cluster: string): Promise<void> {
  await db.delete(keys.served(project, cluster));
}
