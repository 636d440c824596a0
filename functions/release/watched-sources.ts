/** What is known of every Source, for the decision whether it is due: its state, nudges, its credential's age, what it demands. */
import type { Watched } from "#core/poll.ts";
import { demanded } from "#core/signers.ts";
import type { Source } from "#core/source.ts";
import { listCredentials } from "../store/credential.ts";
import type { Db } from "../store/db.ts";
import { listNudges } from "../store/nudge.ts";
import { getProject, listProjects, listResources } from "../store/resource.ts";
import { listSourceStates } from "../store/state.ts";

/** What one process remembers of its last look. */
export type Looked = NonNullable<Watched["looked"]>;

export const idOf = ({ metadata }: Source): string => `${metadata.project}/${metadata.name}`;

export async function watchedSources(db: Db, looked: ReadonlyMap<string, Looked>): Promise<Watched[]> {
  const all = (await listProjects(db)).map((project) => watchedOf(db, project, looked));
  return (await Promise.all(all)).flat();
}

async function watchedOf(db: Db, project: string, looked: ReadonlyMap<string, Looked>): Promise<Watched[]> {
  const sources = (await listResources(db, "Source", project)).map(({ resource }) => resource);
  if (sources.length === 0) return [];
  const [states, nudges] = await Promise.all([listSourceStates(db, project), listNudges(db, project)]);
  const isStuck = ({ metadata, spec }: Source): boolean =>
    spec.credentials !== undefined && states.get(metadata.name)?.kind === "failed";
  const stored = sources.some(isStuck) ? await listCredentials(db, project) : [];
  const isSigned = sources.some(({ spec }) => spec.verify !== undefined);
  const signers = isSigned ? await getProject(db, project) : undefined;
  return sources.map((source) => ({
    source,
    state: states.get(source.metadata.name),
    looked: looked.get(idOf(source)),
    nudge: nudges.get(source.metadata.name)?.at,
    credentialAt: stored.find(({ name }) => name === source.spec.credentials)?.at,
    rules: demanded(source, signers),
  }));
}
