/**
 * Reads Git repositories over smart HTTP: where a branch or tag stands, and all files of one commit.
 * Everything is bounded in size, count and time, and failures are returned, not thrown. It keeps
 * nothing on disk, runs no hook, filter or configuration of the repository, and tells no credential.
 */
import { type GitRef } from "#core/source.ts";
import { sentence } from "#core/text.ts";
import { type HttpClient, listServerRefs } from "isomorphic-git";
import { checkAddress, type GitCredentials, type WantedRef, wantedRef } from "./git-address.ts";
import { failed, GitFailure, type GitFailed } from "./git-failure.ts";
import { gitHttp, type OutboundFetch } from "./git-http.ts";
import { turns } from "./git-memory.ts";
import { fetchObjects, type GitRepository, peel, readBlob, readCommit } from "./git-repository.ts";
import { listTree, type Skipped } from "./git-tree.ts";

export interface RemoteRequest {
  /** https, or http; without credentials, query or fragment. */
  readonly url: string;
  readonly ref: GitRef;
  readonly credentials?: GitCredentials | undefined;
  readonly http?: OutboundFetch;
  /** For the whole operation; 60 s if absent. */
  readonly timeoutMs?: number;
}

export type HeadResult =
  /** `refName` is the full name (`refs/heads/main`), or the commit itself for a commit reference. */
  { readonly kind: "head"; readonly commit: string; readonly refName: string } | GitFailed;

export interface FetchLimits {
  /** One answer of the server: in the end, the pack. */
  readonly packBytesMax: number;
  /** All entries that are no folder, also those that are left out. */
  readonly filesMax: number;
  /** The sum of all files that are kept. */
  readonly filesBytesMax: number;
  /** A larger file is left out and listed. */
  readonly fileBytesMax: number;
}

export interface FetchRequest extends RemoteRequest {
  /** The commit that is expected at `ref`. */
  readonly commit: string;
  readonly limits?: Partial<FetchLimits>;
}

export interface FetchedCommit {
  readonly kind: "fetched";
  /** The commit that was got: the truth, whatever was asked for. */
  readonly commit: string;
  /** The reference had moved on; `commit` is its tip. */
  readonly moved: boolean;
  readonly author: { readonly name: string; readonly email: string };
  /** The first line of the message, at most 200 characters. */
  readonly message: string;
  /** Milliseconds since 1970, by the committer's clock. */
  readonly committedAt: number;
  readonly files: Map<string, Uint8Array>;
  readonly skipped: readonly Skipped[];
}

export type FetchResult = FetchedCommit | GitFailed;

const MIB = 1024 * 1024;
export const FETCH_LIMITS: FetchLimits = {
  packBytesMax: 256 * MIB,
  filesMax: 20_000,
  filesBytesMax: 64 * MIB,
  fileBytesMax: 4 * MIB,
};
export const GIT_TIMEOUT_MS = 60_000;

const REFS_BYTES_MAX = 16 * MIB;
const SUBJECT_CHARS_MAX = 200;
const PERSON_CHARS_MAX = 200;
const TIME_MS_MAX = 8.64e15;

/**
 * Where `ref` stands now: two HTTP requests (one exchange), however often it is asked. An annotated tag is peeled.
 * For a commit reference only the repository and the right to read it are proved; the fetch proves the commit.
 */
export async function remoteHead(request: RemoteRequest): Promise<HeadResult> {
  return bounded(request, async (remote) => {
    const wanted = wantedRef(request.ref);
    const found = await findRef(remote, wanted);
    return { kind: "head", commit: found.commit, refName: wanted.name };
  });
}

/**
 * All files of `commit`, without its history, in one HTTP request. If the server no longer gives out that commit
 * and `ref` is a branch or tag, the commit where it stands now is fetched instead, and `moved` says so.
 */
export async function fetchCommit(request: FetchRequest): Promise<FetchResult> {
  const limits = { ...FETCH_LIMITS, ...request.limits };
  return bounded(request, async (remote) => {
    const { repository, oid } = await downloadOrTip(remote, request, limits);
    const commit = await readCommit(repository, oid);
    const { files, skipped } = await listTree(repository, commit.tree, limits.filesMax);
    const kept = await readFiles(repository, files, skipped, limits);
    return {
      kind: "fetched",
      commit: oid,
      moved: oid !== request.commit,
      author: {
        name: line(commit.author.name, PERSON_CHARS_MAX),
        email: line(commit.author.email, PERSON_CHARS_MAX),
      },
      message: line(commit.message, SUBJECT_CHARS_MAX),
      committedAt: Math.min(Math.max(commit.committedAtSeconds * 1000 || 0, 0), TIME_MS_MAX),
      files: kept,
      skipped,
    };
  });
}

/** One operation's way to the server: a checked address, and the end of its time. */
interface Remote {
  readonly address: string;
  readonly signal: AbortSignal;
  client(answerBytesMax: number): HttpClient;
}

/** The one place that checks the address, starts the clock, and turns what is thrown into a result. */
async function bounded<T>(
  request: RemoteRequest,
  run: (remote: Remote) => Promise<T>,
): Promise<T | GitFailed> {
  const timeoutMs = request.timeoutMs ?? GIT_TIMEOUT_MS;
  const signal = AbortSignal.timeout(timeoutMs);
  const { credentials, http = fetch } = request;
  try {
    const address = checkAddress(request.url, credentials);
    const client = (answerBytesMax: number) =>
      gitHttp({ address, credentials, fetch: http, signal, answerBytesMax });
    return await Promise.race([run({ address, signal, client }), end(signal)]);
  } catch (error) {
    return failed(error, timeoutMs);
  }
}

/** Throws when time is up, because the library cannot be interrupted between two looks at `turns`. */
async function end(signal: AbortSignal): Promise<never> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  throw signal.reason;
}

/** `oid` is what the server advertises (perhaps a tag object), `commit` what it leads to. */
async function findRef(remote: Remote, wanted: WantedRef): Promise<{ oid: string; commit: string }> {
  const isName = wanted.kind === "name";
  const refs = await listServerRefs({
    http: remote.client(REFS_BYTES_MAX),
    url: remote.address,
    prefix: isName ? wanted.name : "HEAD",
    peelTags: true,
  });
  if (!isName) return { oid: wanted.name, commit: wanted.name };
  // The server matches by prefix: `release` also brings `release-2`.
  const found = refs.find(({ ref }) => ref === wanted.name);
  if (found === undefined)
    throw new GitFailure(
      "ref-not-found",
      `The repository has no ${wanted.name}; check the ref of the Source`,
    );
  return { oid: found.oid, commit: found.peeled ?? found.oid };
}

interface Downloaded {
  readonly repository: GitRepository;
  readonly oid: string;
}

async function downloadOrTip(
  remote: Remote,
  request: FetchRequest,
  limits: FetchLimits,
): Promise<Downloaded> {
  const wanted = wantedRef(request.ref);
  const asked = wantedRef({ commit: request.commit });
  try {
    return await download(remote, asked.name, limits);
  } catch (error) {
    if (wanted.kind === "commit" || !(error instanceof GitFailure && error.code === "ref-not-found"))
      throw error;
    // Some servers give out only what a reference names: not an older commit, nor the commit behind a tag object.
    const tip = await findRef(remote, wanted);
    return download(remote, tip.oid, limits);
  }
}

async function download(remote: Remote, oid: string, limits: FetchLimits): Promise<Downloaded> {
  const http = remote.client(limits.packBytesMax);
  const repository = await fetchObjects(http, remote.address, oid, turns(remote.signal));
  return { repository, oid: await peel(repository, oid) };
}

/** Path → content, in the order of `paths`; adds to `skipped` what is too large on its own, throws when the sum is. */
async function readFiles(
  repository: GitRepository,
  paths: ReadonlyMap<string, string>,
  skipped: Skipped[],
  limits: FetchLimits,
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  /** A blob stands behind several paths when links lead to it. */
  const known = new Map<string, Uint8Array>();
  let sum = 0;
  for (const [path, oid] of paths) {
    const content = known.get(oid) ?? (await readBlob(repository, oid));
    if (content.length > limits.fileBytesMax) {
      skipped.push({ path, reason: "file-too-large" });
      continue;
    }
    sum += content.length;
    if (sum > limits.filesBytesMax) {
      throw new GitFailure(
        "too-large",
        `The commit's files sum up to more than ${limits.filesBytesMax} bytes; split the repository`,
      );
    }
    known.set(oid, content);
    files.set(path, content);
  }
  return files;
}

/** The first line, cut before it is cleaned: a hostile message may be megabytes long. */
function line(text: string, charsMax: number): string {
  const first =
    text
      .slice(0, charsMax * 10)
      .trimStart()
      .split("\n", 1)[0] ?? "";
  return sentence(first, charsMax).toWellFormed();
}
