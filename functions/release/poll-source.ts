/**
 * Looks at a Source's ref: nothing new costs one small exchange and no write. A new commit is fetched once for the
 * whole fleet, its tree kept by digest, and the source's state written; the stream tells the rest of the hub.
 */
import { lastRead, type Source, type SourceState } from "#core/source.ts";
import type { ObjectStore } from "../objects/port.ts";
import { fetchCommit, remoteHead } from "../source/git.ts";
import type { Db } from "../store/db.ts";
import { getSourceState, putSourceState } from "../store/state.ts";
import { putTree } from "./content.ts";

export interface SourceDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
}

export type Polled =
  | { kind: "unchanged" }
  | { kind: "read"; commit: string }
  | { kind: "failed"; message: string };

export async function pollSource(deps: SourceDeps, source: Source): Promise<Polled> {
  const { project, name } = source.metadata;
  const before = await getSourceState(deps.db, project, name);
  const { url, ref } = source.spec.git;
  const head = await remoteHead({ url, ref });
  if (head.kind === "failed") return fail(deps, source, head);
  if (before?.kind === "read" && before.commit === head.commit) return { kind: "unchanged" };
  const fetched = await fetchCommit({ url, ref, commit: head.commit });
  if (fetched.kind === "failed") return fail(deps, source, fetched);
  const state: SourceState = {
    kind: "read",
    commit: fetched.commit,
    author: fetched.author.name,
    email: fetched.author.email,
    message: fetched.message,
    committedAt: fetched.committedAt,
    tree: await putTree(deps.objects, fetched.files),
    at: deps.now(),
  };
  await putSourceState(deps.db, project, name, state);
  return { kind: "read", commit: fetched.commit };
}

/** What runs keeps running: a failed read changes what is told of the source, nothing else. */
async function fail(
  deps: SourceDeps,
  source: Source,
  { code, message }: { code: string; message: string },
): Promise<Polled> {
  const { project, name } = source.metadata;
  const last = lastRead(await getSourceState(deps.db, project, name));
  const state: SourceState = {
    kind: "failed",
    code,
    message,
    at: deps.now(),
    ...(last === undefined ? {} : { last }),
  };
  await putSourceState(deps.db, project, name, state);
  return { kind: "failed", message };
}
