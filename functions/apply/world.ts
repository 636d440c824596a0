/** Reads what an apply is decided on: what is stored of the documents, their Projects, Sources, and what may be pruned. */
import { folderName, idOf, TAKEN_OVER, type Document, type Held, type World } from "#core/apply-plan.ts";
import type { Resource, ResourceKind } from "#core/resource.ts";
import type { Db } from "../store/db.ts";
import { getResource, listResources } from "../store/resource.ts";

const PARALLEL = 25;

/** Kinds in `listed` are read as a whole, of each project in `projects`. */
export async function readWorld(
  db: Db,
  documents: readonly Document[],
  { projects, listed }: { projects: ReadonlySet<string>; listed: readonly ResourceKind[] },
): Promise<World> {
  const held = new Map<string, Held>();
  const keep = (one: Held | undefined): void => void (one && held.set(idOf(one.resource), one));
  for (const project of projects) {
    keep(await getResource(db, "Project", project, project));
    for (const kind of listed) for (const one of await listResources(db, kind, project)) keep(one);
  }
  const unread = documents.map(({ resource }) => resource).filter((resource) => !isListed(resource));
  for (let start = 0; start < unread.length; start += PARALLEL) {
    const part = unread.slice(start, start + PARALLEL);
    for (const one of await Promise.all(part.map((resource) => read(db, resource)))) keep(one);
  }
  return { held, folders: await foldersOf(db, held) };

  function isListed({ kind, metadata }: Resource): boolean {
    return listed.includes(kind) && projects.has(metadata.project);
  }
}

async function read(db: Db, { kind, metadata }: Resource): Promise<Held | undefined> {
  return getResource(db, kind, metadata.project, metadata.name);
}

/** Which of the folders that keep something are still there. */
async function foldersOf(db: Db, held: ReadonlyMap<string, Held>): Promise<Set<string>> {
  const owners = new Set([...held.values()].map(({ managedBy }) => managedBy));
  const found = new Set<string>();
  for (const owner of owners) {
    const [, project, source] = /^source:([^/]+)\/(.+)$/.exec(owner ?? TAKEN_OVER) ?? [];
    if (project === undefined || source === undefined) continue;
    const stored = await getResource(db, "Source", project, source);
    if (stored?.resource.spec.apps !== undefined) found.add(folderName(project, source));
  }
  return found;
}
