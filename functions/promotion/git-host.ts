/**
 * Any Git server over smart HTTP: a commit is fetched without history, the next one written in memory and pushed. The push
 * names what it replaces, so whoever was faster stays.
 */
import * as git from "isomorphic-git";
import type { Entry, FileChange } from "#core/promotion/change.ts";
import { PROMOTER } from "#core/promotion/words.ts";
import type { OutboundFetch } from "../outbound/port.ts";
import { checkAddress, type GitCredentials } from "../source/git-address.ts";
import { GitFailure, quoteServer } from "../source/git-failure.ts";
import { gitHttp } from "../source/git-http.ts";
import { turns } from "../source/git-memory.ts";
import {
  fetchObjects,
  readBlob,
  readCommit,
  readTree,
  type GitRepository,
} from "../source/git-repository.ts";
import { FETCH_LIMITS, remoteHead } from "../source/git.ts";
import { TREE_ENTRIES_MAX, type CommitAsked, type GitHost } from "./port.ts";

export interface GitHostOptions {
  readonly url: string;
  readonly credentials: GitCredentials | undefined;
  readonly http: OutboundFetch;
  readonly signal: AbortSignal;
}

const DEPTH_MAX = 64;

export function gitHost(options: GitHostOptions): GitHost {
  const { credentials, http, signal } = options;
  const address = checkAddress(options.url, credentials);
  const client = gitHttp({
    address,
    credentials,
    fetch: http,
    signal,
    answerBytesMax: FETCH_LIMITS.packBytesMax,
  });
  let fetched: { commit: string; repository: GitRepository } | undefined;
  const at = async (commit: string): Promise<GitRepository> => {
    if (fetched?.commit !== commit)
      fetched = { commit, repository: await fetchObjects(client, address, commit, turns(signal)) };
    return fetched.repository;
  };
  const head = async (branch: string): Promise<string | undefined> => {
    const found = await remoteHead({ url: address, ref: { branch }, credentials, http, signal });
    if (found.kind === "head") return found.commit;
    if (found.code === "ref-not-found") return undefined;
    throw new GitFailure(found.code, found.message);
  };
  return {
    tree: async (branch, folder) => {
      const commit = await head(branch);
      if (commit === undefined) return undefined;
      return { commit, entries: await entriesBelow(await at(commit), commit, folder) };
    },
    blob: async (id) => {
      if (fetched === undefined) throw new Error("a blob is read of a tree that was read before");
      return readBlob(fetched.repository, id);
    },
    commit: async (asked) => {
      const parent = asked.tip ?? asked.start.commit;
      const repository = await at(parent);
      const commit = await writeCommit(repository, parent, asked);
      const refused = await push(repository, client, address, asked.branch, commit);
      if (refused === undefined) return { kind: "committed", commit };
      if ((await head(asked.branch)) !== asked.tip) return { kind: "moved" };
      throw new GitFailure("auth", `The Git server does not take the commit: ${quoteServer(refused)}`);
    },
    pulls: undefined,
  };
}

async function entriesBelow(
  repository: GitRepository,
  commit: string,
  folder: string,
): Promise<Map<string, Entry>> {
  let { tree } = await readCommit(repository, commit);
  let path = "";
  for (const part of folder.split("/")) {
    path = path === "" ? part : `${path}/${part}`;
    const found = (await readTree(repository, tree)).find((entry) => entry.path === part);
    if (found === undefined) return new Map();
    if (found.type !== "tree")
      throw new GitFailure(
        "invalid",
        `${path} is a file, link or submodule, no folder; name another in to.path`,
      );
    tree = found.oid;
  }
  const all = new Map<string, Entry>();
  await collect(repository, tree, folder, 0, all);
  return all;
}

async function collect(
  repository: GitRepository,
  tree: string,
  folder: string,
  depth: number,
  all: Map<string, Entry>,
): Promise<void> {
  for (const { path: name, type, oid, mode } of await readTree(repository, tree)) {
    const path = `${folder}/${name}`;
    if (all.size > TREE_ENTRIES_MAX || depth > DEPTH_MAX)
      throw new GitFailure(
        "too-large",
        `${folder} holds more than ${TREE_ENTRIES_MAX} files; name a smaller one in to.path`,
      );
    if (type === "tree") await collect(repository, oid, path, depth + 1, all);
    else all.set(path, { id: oid, mode });
  }
}

async function writeCommit(repository: GitRepository, parent: string, asked: CommitAsked): Promise<string> {
  const { tree } = await readCommit(repository, parent);
  const next = await writeTree(
    repository,
    tree,
    asked.changes.map((change) => ({ ...change, left: change.path })),
  );
  const person = { ...PROMOTER, timestamp: Math.floor(asked.at / 1000), timezoneOffset: 0 };
  const commit = {
    tree: next ?? (await git.writeTree({ ...repository, tree: [] })),
    parent: [parent],
    message: asked.message,
    author: person,
    committer: person,
  };
  return git.writeCommit({ ...repository, commit });
}

/** `left`: the path below the tree in question. */
type Below = FileChange & { left: string };

/** The tree `before` with these changes; undefined where nothing is left in it. */
async function writeTree(
  repository: GitRepository,
  before: string | undefined,
  changes: readonly Below[],
): Promise<string | undefined> {
  const standing = before === undefined ? [] : await readTree(repository, before);
  const entries = new Map(standing.map((entry) => [entry.path, entry]));
  for (const change of changes.filter(({ left }) => !left.includes("/"))) {
    const { left: path, mode, after } = change;
    if (after === undefined) entries.delete(path);
    else
      entries.set(path, {
        path,
        mode,
        type: "blob",
        oid: await git.writeBlob({ ...repository, blob: after }),
      });
  }
  for (const [path, inside] of folders(changes)) {
    const found = entries.get(path);
    const oid = await writeTree(repository, found?.type === "tree" ? found.oid : undefined, inside);
    if (oid === undefined) entries.delete(path);
    else entries.set(path, { path, mode: "040000", type: "tree", oid });
  }
  return entries.size === 0 ? undefined : git.writeTree({ ...repository, tree: [...entries.values()] });
}

function folders(changes: readonly Below[]): Map<string, Below[]> {
  const found = new Map<string, Below[]>();
  for (const change of changes) {
    const slash = change.left.indexOf("/");
    if (slash === -1) continue;
    const folder = change.left.slice(0, slash);
    found.set(folder, [...(found.get(folder) ?? []), { ...change, left: change.left.slice(slash + 1) }]);
  }
  return found;
}

/** Why it was not taken; undefined when it was. */
async function push(
  repository: GitRepository,
  http: git.HttpClient,
  url: string,
  branch: string,
  commit: string,
): Promise<string | undefined> {
  const ref = `refs/heads/${branch}`;
  // The library asks the file system for a loose one, and the one in memory knows of no files but those it reads.
  await repository.fs.promises.writeFile(`${repository.gitdir}/packed-refs`, `${commit} ${ref}\n`);
  try {
    await git.push({ ...repository, http, url, remote: "origin", ref, remoteRef: ref });
    return undefined;
  } catch (error) {
    // A branch that moved to a commit that is not known here cannot be compared with.
    if (
      error instanceof git.Errors.GitPushError ||
      error instanceof git.Errors.PushRejectedError ||
      error instanceof git.Errors.NotFoundError
    )
      return error.message;
    throw error;
  }
}
