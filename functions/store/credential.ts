/**
 * What the table knows of a credential: its name, kind, and who stored it when. The value is in the secret store and
 * never here. Each change carries a version that grows by one, and its stamp, for the audit log.
 */
import * as z from "zod";
import { credentialViewSchema, type Credential } from "#core/credential.ts";
import { stampSchema, type Stamp } from "#core/actor.ts";
import { readAll, type Db, type Item } from "./db.ts";
import { keys, lists } from "./table.ts";

const entrySchema = credentialViewSchema
  .omit({ by: true })
  .extend({ project: z.string(), stamp: stampSchema });
export type CredentialEntry = z.infer<typeof entrySchema>;

export async function getCredential(
  db: Db,
  project: string,
  name: string,
): Promise<CredentialEntry | undefined> {
  const item = await db.get(keys.credential(project, name), { consistent: true });
  return item === undefined ? undefined : entrySchema.parse(item);
}

/** By name. */
export async function listCredentials(db: Db, project: string): Promise<CredentialEntry[]> {
  const items = await readAll(db, lists.credentials(project), { consistent: true });
  return items.map((item: Item) => entrySchema.parse(item));
}

export interface CredentialChange {
  project: string;
  name: string;
  kind: Credential["kind"];
  stamp: Stamp;
  at: number;
}

/** `before` is what was read; lost when it is no longer so. */
export async function putCredential(
  db: Db,
  { project, name, kind, stamp, at }: CredentialChange,
  before: CredentialEntry | undefined,
): Promise<CredentialEntry | "lost"> {
  const entry = { project, name, kind, version: (before?.version ?? 0) + 1, stamp, at };
  const written = await db.put({ ...keys.credential(project, name), ...entry }, versionIs(before?.version));
  return written === "lost" ? "lost" : entry;
}

/** The mark goes first and carries the stamp: the stream's last image of the item then says who removed it. */
export async function deleteCredential(
  db: Db,
  { project, name, version }: CredentialEntry,
  stamp: Stamp,
): Promise<"written" | "lost"> {
  const key = keys.credential(project, name);
  const marked = await db.update(
    key,
    {
      text: "SET #deleting = :true, #version = :next, #stamp = :stamp",
      names: { deleting: "deleting", version: "version", stamp: "stamp" },
      values: { true: true, next: version + 1, was: version, stamp },
    },
    "#version = :was",
  );
  return marked === "lost" ? "lost" : db.delete(key, versionIs(version + 1));
}

function versionIs(version: number | undefined) {
  return version === undefined
    ? { text: "attribute_not_exists(pk)" }
    : { text: "#version = :was", names: { version: "version" }, values: { was: version } };
}
