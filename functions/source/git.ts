/**
 * Reads Git repositories over smart HTTP: where a branch or tag stands, and all files of one commit.
 * Everything is bounded in size, count and time, and failures are returned, not thrown. It keeps
 * nothing on disk, runs no hook, filter or configuration of the repository, and tells no credential.
 */
import { type GitRef } from "#core/source.ts";
import { sentence } from "#core/text.ts";
import * as git from "isomorphic-git";
import { checkAddress, type GitCredentials, wantedRef } from "./git-address.ts";
import { failed, GitFailure, type GitFailed } from "./git-failure.ts";
import { gitHttp, type OutboundFetch } from "./git-http.ts";
import { memoryFiles } from "./git-memory.ts";
import { checkPackAnswer, PACK_LIMITS } from "./git-pack.ts";
import { type GitObjects, listTree, type Skipped } from "./git-tree.ts";

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
const BLOB_READS_AT_ONCE = 16;
const GITDIR = "/git";
const REMOTE = "origin";

/**
 * Where `ref` stands now: two HTTP requests (one exchange), however often it is asked. An annotated tag is peeled.
 * For a commit reference only the repository and the right to read it are proved; the fetch proves the commit.
 */
export async function remoteHead(request: RemoteRequest): Promise<HeadResult> {
  return bounded(request, async (address, signal) => {
    const wanted = wantedRef(request.ref);
    const http = gitHttp({ ...clientOf(request, address, signal), answerBytesMax: REFS_BYTES_MAX });
    const prefix = wanted.kind === "name" ? wanted.fullName : "HEAD";
    const refs = await git.listServerRefs({ http, url: address, prefix, peelTags: true });
    if (wanted.kind === "commit") return { kind: "head", commit: wanted.commit, refName: wanted.commit };
    // The server matches by prefix: `release` also brings `release-2`.
    const found = refs.find((ref) => ref.ref === wanted.fullName);
    if (found === undefined) throw refNotFound(wanted.fullName);
    return { kind: "head", commit: found.peeled ?? found.oid, refName: wanted.fullName };
  });
}

/** All files of the commit at `ref`, without history. If `ref` moved since `commit` was seen, its tip is fetched and `moved` says so. */
export async function fetchCommit(request: FetchRequest): Promise<FetchResult> {
  const limits = { ...FETCH_LIMITS, ...request.limits };
  return bounded(request, async (address, signal) => {
    const repository = { fs: memoryFiles(signal), gitdir: GITDIR, cache: {} };
    const tip = await download(request, address, signal, limits, repository);
    const { oid, commit } = await git.readCommit({ ...repository, oid: tip });
    const objects = objectReader(repository);
    const listing = await listTree(objects, commit.tree, limits.filesMax);
    const files = await readFiles(objects, listing.files, listing.skipped, limits);
    return {
      kind: "fetched",
      commit: oid,
      moved: oid !== request.commit,
      author: {
        name: line(commit.author.name, PERSON_CHARS_MAX),
        email: line(commit.author.email, PERSON_CHARS_MAX),
      },
      message: line(commit.message, SUBJECT_CHARS_MAX),
      committedAt: Math.min(Math.max(commit.committer.timestamp * 1000, 0), TIME_MS_MAX),
      files,
      skipped: listing.skipped,
    };
  });
}

interface Repository {
  readonly fs: git.PromiseFsClient;
  readonly gitdir: string;
  /** Where the library keeps the unpacked index, so that it is built once. */
  readonly cache: object;
}

/** The one place that checks the address, starts the clock, and turns what is thrown into a result. */
async function bounded<T>(
  request: RemoteRequest,
  run: (address: string, signal: AbortSignal) => Promise<T>,
): Promise<T | GitFailed> {
  const timeoutMs = request.timeoutMs ?? GIT_TIMEOUT_MS;
  const control = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    control.abort(new DOMException("too late", "TimeoutError"));
    late.reject(control.signal.reason);
  }, timeoutMs);
  try {
    // The library cannot be interrupted between two reads, so the answer does not wait for it.
    return await Promise.race([
      run(checkAddress(request.url, request.credentials), control.signal),
      late.promise,
    ]);
  } catch (error) {
    return failed(error, timeoutMs);
  } finally {
    clearTimeout(timer);
  }
}

function clientOf(request: RemoteRequest, address: string, signal: AbortSignal) {
  return { address, signal, credentials: request.credentials, fetch: request.http ?? fetch };
}

/** Brings the pack into `repository`; returns what the reference names: a commit, or an annotated tag of one. */
async function download(
  request: FetchRequest,
  address: string,
  signal: AbortSignal,
  limits: FetchLimits,
  repository: Repository,
): Promise<string> {
  const wanted = wantedRef(request.ref);
  const name = wanted.kind === "name" ? wanted.fullName : wanted.commit;
  const http = gitHttp({
    ...clientOf(request, address, signal),
    answerBytesMax: limits.packBytesMax,
    inspect: (answer) => checkPackAnswer(answer, PACK_LIMITS, signal),
  });
  await git.init({ ...repository, bare: true });
  // The library insists on a named remote to file the reference under.
  await git.addRemote({ ...repository, remote: REMOTE, url: address });
  try {
    const { fetchHead } = await git.fetch({
      ...repository,
      http,
      remote: REMOTE,
      url: address,
      ref: name,
      remoteRef: name,
      depth: 1,
      singleBranch: true,
      tags: false,
    });
    if (fetchHead === null) throw refNotFound(name);
    return fetchHead;
  } catch (error) {
    if (error instanceof git.Errors.NotFoundError) throw refNotFound(name);
    throw error;
  }
}

function objectReader(repository: Repository): GitObjects {
  return {
    tree: async (oid) => (await git.readTree({ ...repository, oid })).tree,
    blob: async (oid) => (await git.readBlob({ ...repository, oid })).blob,
  };
}

/** Reads each blob once; adds to `skipped` what is too large on its own, throws when the sum is. Keeps the order of `paths`. */
async function readFiles(
  objects: GitObjects,
  paths: ReadonlyMap<string, string>,
  skipped: Skipped[],
  limits: FetchLimits,
): Promise<Map<string, Uint8Array>> {
  const contents = await readBlobs(objects, new Set(paths.values()), limits);
  const files = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const [path, oid] of paths) {
    const content = contents.get(oid);
    if (content === undefined) {
      skipped.push({ path, reason: "file-too-large" });
      continue;
    }
    bytes += content.byteLength;
    checkSum(bytes, limits);
    files.set(path, content);
  }
  return files;
}

/** Blob id → content, without those above `fileBytesMax`. */
async function readBlobs(
  objects: GitObjects,
  oids: ReadonlySet<string>,
  limits: FetchLimits,
): Promise<Map<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  const queue = oids.values();
  let bytes = 0;
  const worker = async (): Promise<void> => {
    for (const oid of queue) {
      const content = await objects.blob(oid);
      if (content.byteLength > limits.fileBytesMax) continue;
      bytes += content.byteLength;
      checkSum(bytes, limits);
      contents.set(oid, content);
    }
  };
  await Promise.all(Array.from({ length: BLOB_READS_AT_ONCE }, worker));
  return contents;
}

function checkSum(bytes: number, limits: FetchLimits): void {
  if (bytes <= limits.filesBytesMax) return;
  throw new GitFailure(
    "too-large",
    `The commit's files sum up to more than ${limits.filesBytesMax} bytes; split the repository`,
  );
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

function refNotFound(name: string): GitFailure {
  return new GitFailure("ref-not-found", `The repository has no ${name}; check the ref of the Source`);
}
