/**
 * Gitea and Forgejo by their REST API. Each changed file names the blob that it replaces, so somebody else's change of it is
 * never written over. A branch that is made anew is deleted first; it has no open pull request then.
 */
import * as z from "zod";
import { PROMOTER } from "#core/promotion/words.ts";
import type { FileChange } from "#core/promotion/change.ts";
import { encodedPath, entriesBelow, readBlob, shaSchema, type TreeWay } from "./git-data.ts";
import type { CommitAsked, GitHost, PullRequest, PullRequests } from "./port.ts";
import { done, type Rest } from "./rest.ts";

const TREE_PAGE = 1_000;
const PULLS_PAGE = 50;
const PULL_PAGES_MAX = 10;

const branchSchema = z.object({ commit: z.object({ id: shaSchema }) });
const writtenSchema = z.object({ commit: z.object({ sha: shaSchema }) });
const pullSchema = z.object({
  number: z.number().int().positive(),
  html_url: z.url({ protocol: /^https?$/ }).max(2000),
  state: z.enum(["open", "closed"]),
  merged: z.boolean().nullish(),
  head: z.object({ ref: z.string(), repo: z.object({ full_name: z.string() }).nullish() }),
  base: z.object({ ref: z.string() }),
});
type Told = z.infer<typeof pullSchema>;

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
    pulls: pullsOf(rest, base, repository),
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

function pullsOf(rest: Rest, base: string, repository: string): PullRequests {
  return {
    find: async (wanted) => {
      if ("number" in wanted) {
        const path = `${base}/pulls/${wanted.number}`;
        const found = await rest.call({ path, schema: pullSchema, also: [404] });
        return found.kind === "done" ? pullOf(found.value) : undefined;
      }
      const own = await findOpen(rest, base, repository, wanted);
      return own === undefined ? undefined : pullOf(own);
    },
    offer: async ({ number, branch, into, title, body }) => {
      const isNew = number === undefined;
      const told = await done(rest, {
        method: isNew ? "POST" : "PATCH",
        path: isNew ? `${base}/pulls` : `${base}/pulls/${number}`,
        body: isNew ? { title, body, head: branch, base: into } : { title, body },
        schema: pullSchema,
      });
      return pullOf(told);
    },
  };
}

/** The API does not filter by branch, so the open ones are looked through, the youngest first. */
async function findOpen(
  rest: Rest,
  base: string,
  repository: string,
  { branch, into }: { branch: string; into: string },
): Promise<Told | undefined> {
  for (let page = 1; page <= PULL_PAGES_MAX; page++) {
    const query = { state: "open", page: String(page), limit: String(PULLS_PAGE) };
    const all = await done(rest, { path: `${base}/pulls`, query, schema: z.array(pullSchema) });
    // A fork may have a branch of the same name.
    const own = all.find(
      ({ head, base: to }) =>
        head.ref === branch &&
        to.ref === into &&
        head.repo?.full_name.toLowerCase() === repository.toLowerCase(),
    );
    if (own !== undefined || all.length === 0) return own;
  }
  return undefined;
}

function pullOf({ number, html_url: url, state, merged }: Told): PullRequest {
  return { number, url, standing: merged === true ? "merged" : state };
}
