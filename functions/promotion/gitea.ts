/**
 * Gitea and Forgejo by their REST API. Each changed file names the blob that it replaces, so somebody else's change of it is
 * never written over. A branch that is made anew is deleted first; it has no open pull request then.
 */
import * as z from "zod";
import { PROMOTER } from "#core/promotion/words.ts";
import type { FileChange } from "#core/promotion/change.ts";
import { encodedPath, entriesBelow, readBlob, shaSchema, type TreeWay } from "./git-data.ts";
import type { CommitAsked, GitHost } from "./port.ts";
import { ownAmong, pullSchema, pullsOf, type Branches } from "./pulls.ts";
import { done, type Rest } from "./rest.ts";

const TREE_PAGE = 1_000;
const PULLS_PAGE = 50;
const PULL_PAGES_MAX = 10;

const branchSchema = z.object({ commit: z.object({ id: shaSchema }) });
const writtenSchema = z.object({ commit: z.object({ sha: shaSchema }) });
const toldSchema = pullSchema.extend({ merged: z.boolean().nullish() });

export function giteaHost(rest: Rest, repository: string): GitHost {
  const base = `/repos/${encodedPath(repository)}`;
  const way: TreeWay = { rest, base, pages: TREE_PAGE };
  return {
    tree: async (branch, folder) => {
      const path = `${base}/branches/${encodedPath(branch)}`;
      const found = await rest.call({ path, schema: branchSchema, also: [404] });
      if (found.kind === "other") return undefined;
      const { id } = found.value.commit;
      return { commit: id, entries: await entriesBelow(way, id, folder) };
    },
    blob: (id) => readBlob(way, id),
    commit: (asked) => commitTo(rest, base, asked),
    pulls: pullsOf({
      rest,
      base,
      schema: toldSchema,
      findOpen: (wanted) => findOpen(rest, base, repository, wanted),
      isMerged: ({ merged }) => merged === true,
    }),
  };
}

async function commitTo(rest: Rest, base: string, asked: CommitAsked): ReturnType<GitHost["commit"]> {
  const isFresh = asked.tip === undefined;
  if (isFresh) {
    const path = `${base}/branches/${encodedPath(asked.branch)}`;
    await rest.call({ method: "DELETE", path, schema: z.unknown(), also: [404] });
  }
  const person = { ...PROMOTER };
  const date = new Date(asked.at).toISOString();
  const written = await rest.call({
    method: "POST",
    path: `${base}/contents`,
    body: {
      message: asked.message,
      ...(isFresh ? { branch: asked.start.branch, new_branch: asked.branch } : { branch: asked.branch }),
      author: person,
      committer: person,
      dates: { author: date, committer: date },
      files: asked.changes.map(operation),
    },
    schema: writtenSchema,
    also: [409, 422],
  });
  if (written.kind === "other") return { kind: "moved" };
  return { kind: "committed", commit: written.value.commit.sha };
}

function operation({ path, before, after }: FileChange): object {
  const content = after === undefined ? {} : { content: Buffer.from(after).toString("base64") };
  if (before === undefined) return { operation: "create", path, ...content };
  return { operation: after === undefined ? "delete" : "update", path, sha: before, ...content };
}

/** The API does not filter by branch, so the open ones are looked through, the youngest first. */
async function findOpen(rest: Rest, base: string, repository: string, wanted: Branches) {
  for (let page = 1; page <= PULL_PAGES_MAX; page++) {
    const query = { state: "open", page: String(page), limit: String(PULLS_PAGE) };
    const all = await done(rest, { path: `${base}/pulls`, query, schema: z.array(toldSchema) });
    const own = ownAmong(all, repository, wanted);
    if (own !== undefined || all.length === 0) return own;
  }
  return undefined;
}
