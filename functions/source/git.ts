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
import type { OutboundFetch } from "../outbound/port.ts";
import { gitHttp } from "./git-http.ts";
import { turns } from "./git-memory.ts";
import {
  fetchObjects,
  type GitRepository,
  peel,
  readBlob,
  readCommit,
  readSigned,
} from "./git-repository.ts";
import { listTree, type Skipped } from "./git-tree.ts";
import { highestTag } from "./semver-tag.ts";
import type { RefObjects } from "./signature/verify.ts";

export interface RemoteRequest {
  /** https, or http; without credentials, query or fragment. */
  readonly url: string;
  readonly ref: GitRef;
  readonly credentials?: GitCredentials | undefined;
  /** The outbound client; there is no other way to a server. */
  readonly http: OutboundFetch;
  /** For the whole operation; 60 s if absent. */
  readonly timeoutMs?: number;
  /** Ends the operation before its time, as a timeout. */
  readonly signal?: AbortSignal | undefined;
}

export type HeadResult =
  /** `refName` is the full name (`refs/heads/main`, for a range the tag's), or the commit itself for a commit reference. */
  | {
      readonly kind: "head";
      readonly commit: string;
      readonly refName: string;
      /** The annotated tag that leads to the commit. */
      readonly tag?: string;
    }
  | GitFailed;

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
  /** The annotated tag that led to it, and its name (`refs/tags/…`): it is fetched with the commit. */
  readonly tag?: { readonly oid: string; readonly refName: string } | undefined;
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
  /** What a signature may stand in. */
  readonly objects: RefObjects;
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
    const tag = found.oid === found.commit ? {} : { tag: found.oid };
    return { kind: "head", commit: found.commit, refName: found.name, ...tag };
  });
}

/**
 * All files of `commit`, without its history, in one HTTP request. If the server no longer gives out that commit
 * and `ref` is a branch or tag, the commit where it stands now is fetched instead, and `moved` says so.
 */
export async function fetchCommit(request: FetchRequest): Promise<FetchResult> {
  const limits = { ...FETCH_LIMITS, ...request.limits };
  return bounded(request, async (remote) => {
    const { repository, oid, tag } = await downloadOrTip(remote, request, limits);
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
      objects: { commit: await readSigned(repository, oid, "commit"), tag },
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
  const time = AbortSignal.timeout(timeoutMs);
  const signal = request.signal === undefined ? time : AbortSignal.any([time, request.signal]);
  const { credentials, http } = request;
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

interface FoundRef {
  /** What the server advertises: perhaps a tag object. */
  readonly oid: string;
  /** What it leads to. */
  readonly commit: string;
  /** `refs/heads/main`, or the commit. */
  readonly name: string;
}

async function findRef(remote: Remote, wanted: WantedRef): Promise<FoundRef> {
  const { kind, name } = wanted;
  const refs = await listServerRefs({
    http: remote.client(REFS_BYTES_MAX),
    url: remote.address,
    prefix: { name, commit: "HEAD", range: "refs/tags/" }[kind],
    peelTags: true,
  });
  if (kind === "commit") return { oid: name, commit: name, name };
  // The server matches by prefix: `release` also brings `release-2`.
  const found = kind === "range" ? highestTag(name, refs) : refs.find(({ ref }) => ref === name);
  if (found === undefined)
    throw new GitFailure("ref-not-found", `The repository has no ${name}; check the ref of the Source`);
  return { oid: found.oid, commit: found.peeled ?? found.oid, name: found.ref };
}

interface Downloaded {
  readonly repository: GitRepository;
  readonly oid: string;
  readonly tag: RefObjects["tag"];
}

async function downloadOrTip(
  remote: Remote,
  request: FetchRequest,
  limits: FetchLimits,
): Promise<Downloaded> {
  const wanted = wantedRef(request.ref);
  const asked = wantedRef({ commit: request.tag?.oid ?? request.commit });
  try {
    return await download(remote, { oid: asked.name, name: request.tag?.refName ?? "" }, limits);
  } catch (error) {
    if (wanted.kind === "commit" || !(error instanceof GitFailure && error.code === "ref-not-found"))
      throw error;
    // Some servers give out only what a reference names: not an older commit, nor the commit behind a tag object.
    const tip = await findRef(remote, wanted);
    return download(remote, tip, limits);
  }
}

async function download(
  remote: Remote,
  { oid, name }: Pick<FoundRef, "oid" | "name">,
  limits: FetchLimits,
): Promise<Downloaded> {
  const http = remote.client(limits.packBytesMax);
  const repository = await fetchObjects(http, remote.address, oid, turns(remote.signal));
  const commit = await peel(repository, oid);
  if (commit === oid) return { repository, oid, tag: undefined };
  const object = await readSigned(repository, oid, "tag");
  return { repository, oid: commit, tag: { object, name: name.replace(/^refs\/tags\//, "") } };
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
