/** GitHub by its REST API: the Git data of a commit, then the branch, only forward unless it is made anew. */
import * as z from "zod";
import { PROMOTER } from "#core/promotion/words.ts";
import type { FileChange } from "#core/promotion/change.ts";
import { encodedPath, entriesBelow, readBlob, shaSchema, type TreeWay } from "./git-data.ts";
import type { CommitAsked, GitHost } from "./port.ts";
import { ownAmong, pullSchema, pullsOf, type Branches } from "./pulls.ts";
import { done, type Rest } from "./rest.ts";

const branchSchema = z.object({
  commit: z.object({ sha: shaSchema, commit: z.object({ tree: z.object({ sha: shaSchema }) }) }),
});
const commitSchema = z.object({ sha: shaSchema, tree: z.object({ sha: shaSchema }) });
const namedSchema = z.object({ sha: shaSchema });
const toldSchema = pullSchema.extend({ merged_at: z.string().nullish() });

export function githubHost(rest: Rest, repository: string): GitHost {
  const base = `/repos/${encodedPath(repository)}`;
  const way: TreeWay = { rest, base, pages: undefined };
  return {
    tree: async (branch, folder) => {
      const path = `${base}/branches/${encodedPath(branch)}`;
      const found = await rest.call({ path, schema: branchSchema, also: [404] });
      if (found.kind === "other") return undefined;
      const { sha, commit } = found.value.commit;
      return { commit: sha, entries: await entriesBelow(way, commit.tree.sha, folder) };
    },
    blob: (id) => readBlob(way, id),
    commit: (asked) => commitTo(rest, base, asked),
    pulls: pullsOf({
      rest,
      base,
      schema: toldSchema,
      findOpen: (wanted) => findOpen(rest, base, repository, wanted),
      isMerged: ({ merged_at: mergedAt }) => mergedAt !== undefined && mergedAt !== null,
    }),
  };
}

async function commitTo(rest: Rest, base: string, asked: CommitAsked): ReturnType<GitHost["commit"]> {
  const parent = asked.tip ?? asked.start.commit;
  const before = await done(rest, { path: `${base}/git/commits/${parent}`, schema: commitSchema });
  const tree = await done(rest, {
    method: "POST",
    path: `${base}/git/trees`,
    body: { base_tree: before.tree.sha, tree: await treeEntries(rest, base, asked.changes) },
    schema: namedSchema,
  });
  const person = { ...PROMOTER, date: new Date(asked.at).toISOString() };
  const { sha } = await done(rest, {
    method: "POST",
    path: `${base}/git/commits`,
    body: { message: asked.message, tree: tree.sha, parents: [parent], author: person, committer: person },
    schema: namedSchema,
  });
  const isMoved = (await moveBranch(rest, base, asked, sha)) === "moved";
  return isMoved ? { kind: "moved" } : { kind: "committed", commit: sha };
}

async function treeEntries(rest: Rest, base: string, changes: readonly FileChange[]): Promise<object[]> {
  const entries: object[] = [];
  for (const { path, mode, after } of changes) {
    const entry = { path, mode, type: "blob" };
    const text = after === undefined ? undefined : textOf(after);
    if (after === undefined) entries.push({ ...entry, sha: null });
    else if (text !== undefined) entries.push({ ...entry, content: text });
    else entries.push({ ...entry, sha: await writeBlob(rest, base, after) });
  }
  return entries;
}

async function writeBlob(rest: Rest, base: string, content: Uint8Array): Promise<string> {
  const body = { content: Buffer.from(content).toString("base64"), encoding: "base64" };
  return (await done(rest, { method: "POST", path: `${base}/git/blobs`, body, schema: namedSchema })).sha;
}

/** Undefined for what is no text: it is sent apart. */
function textOf(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}

async function moveBranch(
  rest: Rest,
  base: string,
  asked: CommitAsked,
  sha: string,
): Promise<"done" | "moved"> {
  const force = asked.tip === undefined;
  const moved = await rest.call({
    method: "PATCH",
    path: `${base}/git/refs/heads/${encodedPath(asked.branch)}`,
    body: { sha, force },
    schema: z.unknown(),
    also: [404, 409, 422],
  });
  if (moved.kind === "done") return "done";
  if (!force) return "moved";
  const ref = `refs/heads/${asked.branch}`;
  const body = { ref, sha };
  const made = await rest.call({
    method: "POST",
    path: `${base}/git/refs`,
    body,
    schema: z.unknown(),
    also: [422],
  });
  return made.kind === "done" ? "done" : "moved";
}

async function findOpen(rest: Rest, base: string, repository: string, wanted: Branches) {
  const [owner = ""] = repository.split("/");
  const query = { state: "open", head: `${owner}:${wanted.branch}`, base: wanted.into };
  const all = await done(rest, { path: `${base}/pulls`, query, schema: z.array(toldSchema) });
  return ownAmong(all, repository, wanted);
}
