/** GitHub by its REST API: the Git data of a commit, then the branch, only forward unless it is made anew. */
import * as z from "zod";
import { PROMOTER } from "#core/promotion/words.ts";
import type { FileChange } from "#core/promotion/change.ts";
import { encodedPath, entriesBelow, readBlob, shaSchema, type TreeWay } from "./git-data.ts";
import type { CommitAsked, GitHost, PullRequest, PullRequests } from "./port.ts";
import { done, type Rest } from "./rest.ts";

const branchSchema = z.object({
  commit: z.object({ sha: shaSchema, commit: z.object({ tree: z.object({ sha: shaSchema }) }) }),
});
const commitSchema = z.object({ sha: shaSchema, tree: z.object({ sha: shaSchema }) });
const namedSchema = z.object({ sha: shaSchema });
const pullSchema = z.object({
  number: z.number().int().positive(),
  html_url: z.url({ protocol: /^https?$/ }).max(2000),
  state: z.enum(["open", "closed"]),
  merged_at: z.string().nullish(),
  head: z.object({ ref: z.string(), repo: z.object({ full_name: z.string() }).nullish() }),
  base: z.object({ ref: z.string() }),
});
type Told = z.infer<typeof pullSchema>;

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
    pulls: pullsOf(rest, base, repository),
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

function pullsOf(rest: Rest, base: string, repository: string): PullRequests {
  const [owner = ""] = repository.split("/");
  return {
    find: async (wanted) => {
      if ("number" in wanted) {
        const path = `${base}/pulls/${wanted.number}`;
        const found = await rest.call({ path, schema: pullSchema, also: [404] });
        return found.kind === "done" ? pullOf(found.value) : undefined;
      }
      const { branch, into } = wanted;
      const query = { state: "open", head: `${owner}:${branch}`, base: into };
      const all = await done(rest, { path: `${base}/pulls`, query, schema: z.array(pullSchema) });
      // A fork may have a branch of the same name.
      const own = all.find(
        ({ head, base: to }) =>
          head.ref === branch &&
          to.ref === into &&
          head.repo?.full_name.toLowerCase() === repository.toLowerCase(),
      );
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

function pullOf({ number, html_url: url, state, merged_at: mergedAt }: Told): PullRequest {
  const isMerged = mergedAt !== undefined && mergedAt !== null;
  return { number, url, standing: isMerged ? "merged" : state };
}
