/**
 * GitLab by its REST API: commits and merge requests. A commit there goes onto whatever the branch holds, so each changed
 * file names the commit that it is known from, and somebody else's change of it is never written over.
 */
import * as z from "zod";
import { PROMOTER } from "#core/promotion/words.ts";
import type { Entry, FileChange } from "#core/promotion/change.ts";
import { GitFailure } from "../source/git-failure.ts";
import { shaSchema } from "./git-data.ts";
import {
  TREE_ENTRIES_MAX,
  type CommitAsked,
  type GitHost,
  type PullRequest,
  type PullRequests,
} from "./port.ts";
import { done, type Rest } from "./rest.ts";

const PAGE = 100;

const branchSchema = z.object({ commit: z.object({ id: shaSchema }) });
const treeSchema = z.array(
  z.object({
    id: z.string().max(64),
    path: z.string().max(4096),
    mode: z.string().max(10),
    type: z.string(),
  }),
);
const blobSchema = z.object({ content: z.string(), encoding: z.literal("base64") });
const commitSchema = z.object({ id: shaSchema });
const mergeSchema = z.object({
  iid: z.number().int().positive(),
  web_url: z.url({ protocol: /^https?$/ }).max(2000),
  state: z.enum(["opened", "closed", "locked", "merged"]),
  source_project_id: z.number().nullish(),
  target_project_id: z.number(),
});
type Told = z.infer<typeof mergeSchema>;

export function gitlabHost(rest: Rest, repository: string): GitHost {
  const project = `/projects/${encodeURIComponent(repository)}`;
  const base = `${project}/repository`;
  return {
    tree: async (branch, folder) => {
      const path = `${base}/branches/${encodeURIComponent(branch)}`;
      const found = await rest.call({ path, schema: branchSchema, also: [404] });
      if (found.kind === "other") return undefined;
      const { id } = found.value.commit;
      return { commit: id, entries: await entriesBelow(rest, base, id, folder) };
    },
    blob: async (id) => {
      const { content } = await done(rest, { path: `${base}/blobs/${id}`, schema: blobSchema });
      return Buffer.from(content, "base64");
    },
    commit: (asked) => commitTo(rest, base, asked),
    pulls: mergesOf(rest, `${project}/merge_requests`),
  };
}

async function entriesBelow(
  rest: Rest,
  base: string,
  ref: string,
  folder: string,
): Promise<Map<string, Entry>> {
  const parts = folder.split("/");
  for (const [index] of parts.entries()) {
    const above = parts.slice(0, index + 1).join("/");
    if (await isFile(rest, base, above, ref))
      throw new GitFailure(
        "invalid",
        `${above} is a file, link or submodule, no folder; name another in to.path`,
      );
  }
  const all = new Map<string, Entry>();
  for (let page = 1; page <= TREE_ENTRIES_MAX / PAGE; page++) {
    const query = { path: folder, ref, recursive: "true", per_page: String(PAGE), page: String(page) };
    const told = await rest.call({ path: `${base}/tree`, query, schema: treeSchema, also: [404] });
    if (told.kind === "other") return all;
    for (const { path, id, mode, type } of told.value) if (type !== "tree") all.set(path, { id, mode });
    if ((told.headers.get("x-next-page") ?? "") === "") return all;
  }
  throw new GitFailure(
    "too-large",
    `${folder} holds more than ${TREE_ENTRIES_MAX} files and folders; name a smaller one in to.path`,
  );
}

async function isFile(rest: Rest, base: string, path: string, ref: string): Promise<boolean> {
  const asked = { path: `${base}/files/${encodeURIComponent(path)}`, query: { ref } };
  return (await rest.call({ method: "HEAD", ...asked, schema: z.unknown(), also: [404] })).kind === "done";
}

async function commitTo(rest: Rest, base: string, asked: CommitAsked): ReturnType<GitHost["commit"]> {
  const isFresh = asked.tip === undefined;
  const known = asked.tip ?? asked.start.commit;
  const actions: object[] = [];
  for (const change of asked.changes)
    actions.push(await actionOf(rest, base, change, isFresh ? undefined : known));
  const written = await rest.call({
    method: "POST",
    path: `${base}/commits`,
    body: {
      branch: asked.branch,
      commit_message: asked.message,
      author_name: PROMOTER.name,
      author_email: PROMOTER.email,
      ...(isFresh ? { start_sha: known, force: true } : {}),
      actions,
    },
    schema: commitSchema,
    // Of a file that has changed, or that somebody made, it says 400.
    also: [400, 409],
  });
  if (written.kind === "done") return { kind: "committed", commit: written.value.id };
  if (/has changed|already exists|doesn't exist|changed since/i.test(written.said)) return { kind: "moved" };
  throw new GitFailure("invalid", `GitLab refuses the commit: ${JSON.stringify(written.said)}`);
}

async function actionOf(
  rest: Rest,
  base: string,
  { path, before, after }: FileChange,
  known: string | undefined,
): Promise<object> {
  const content =
    after === undefined ? {} : { content: Buffer.from(after).toString("base64"), encoding: "base64" };
  if (before === undefined) return { action: "create", file_path: path, ...content };
  const last = known === undefined ? {} : await lastCommit(rest, base, path, known);
  return { action: after === undefined ? "delete" : "update", file_path: path, ...content, ...last };
}

async function lastCommit(rest: Rest, base: string, path: string, ref: string): Promise<object> {
  const answer = await rest.call({
    method: "HEAD",
    path: `${base}/files/${encodeURIComponent(path)}`,
    query: { ref },
    schema: z.unknown(),
  });
  const last = answer.kind === "done" ? answer.headers.get("x-gitlab-last-commit-id") : null;
  if (last !== null) return { last_commit_id: last };
  throw new GitFailure(
    "invalid",
    `GitLab does not tell which commit ${path} is from; check host.kind and host.url`,
  );
}

function mergesOf(rest: Rest, path: string): PullRequests {
  return {
    find: async (wanted) => {
      if ("number" in wanted) {
        const found = await rest.call({ path: `${path}/${wanted.number}`, schema: mergeSchema, also: [404] });
        return found.kind === "done" ? mergeOf(found.value) : undefined;
      }
      const query = { state: "opened", source_branch: wanted.branch, target_branch: wanted.into };
      const all = await done(rest, { path, query, schema: z.array(mergeSchema) });
      // A fork may have a branch of the same name.
      const own = all.find((one) => one.source_project_id === one.target_project_id);
      return own === undefined ? undefined : mergeOf(own);
    },
    offer: async ({ number, branch, into, title, body: description }) => {
      const isNew = number === undefined;
      const told = await done(rest, {
        method: isNew ? "POST" : "PUT",
        path: isNew ? path : `${path}/${number}`,
        body: isNew
          ? { source_branch: branch, target_branch: into, title, description }
          : { title, description },
        schema: mergeSchema,
      });
      return mergeOf(told);
    },
  };
}

function mergeOf({ iid, web_url: url, state }: Told): PullRequest {
  const standing = state === "merged" || state === "closed" ? state : "open";
  return { number: iid, url, standing };
}
