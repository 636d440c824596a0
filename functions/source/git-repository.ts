/**
 * One commit of a remote repository, fetched and read by isomorphic-git in memory. What is found by an id is what
 * the id promises: the library names every object of the pack by the hash of its content. Objects are
 * looked at before they are parsed, because some of the library's patterns take forever on hostile text.
 */
import * as git from "isomorphic-git";
import { GitFailure, quoteServer } from "./git-failure.ts";
import { once } from "./git-http.ts";
import { type MemoryFiles, memoryFiles } from "./git-memory.ts";
import type { RawObject } from "./signature/payload.ts";

/** What the library wants with every call. `cache` holds the index of the pack, which is read once. */
export interface GitRepository {
  readonly fs: MemoryFiles;
  readonly gitdir: string;
  readonly cache: object;
}

export interface GitCommit {
  readonly tree: string;
  readonly author: { readonly name: string; readonly email: string };
  /** Seconds since 1970, as written; may be absurd. */
  readonly committedAtSeconds: number;
  readonly message: string;
}

const GITDIR = "/repository";
const TAGS_IN_A_ROW_MAX = 8;
const TEXT_BYTES_MAX = 256 * 1024;
const EMPTY_LINES = "\n".repeat(1000);
/** A person's line of over 500 characters, or one that goes on in the next. */
const HOSTILE_PERSON = /^(?:author|committer|tagger) (?:[^\n]{501}|[^\n]*\n )/m;

/** `oid` (a commit, or a tag that leads to one) without its history. Throws `ref-not-found` if the server does not give it out. */
export async function fetchObjects(
  http: git.HttpClient,
  url: string,
  oid: string,
  turn: () => Promise<void>,
): Promise<GitRepository> {
  const repository = { fs: memoryFiles(turn), gitdir: GITDIR, cache: {} };
  await git.addRemote({ ...repository, remote: "origin", url });
  let said = "";
  await git.fetch({
    ...repository,
    http: withoutDiscovery(http, oid),
    url,
    remote: "origin",
    ref: oid,
    depth: 1,
    singleBranch: true,
    onMessage: (line) => void (said = line),
    onProgress: patient(turn),
  });
  if ((await repository.fs.promises.readdir(`${GITDIR}/objects/pack`)).length === 0)
    throw new GitFailure("invalid", `The Git server sends no pack; it says ${quoteServer(said)}`);
  return repository;
}

/**
 * The library begins by asking for all references, which are megabytes in a busy repository, only to look up the one
 * that it was told. The answer is given here instead: this object, and what every Git server can do.
 */
function withoutDiscovery(http: git.HttpClient, oid: string): git.HttpClient {
  return {
    async request(request) {
      if (request.method === "POST") return http.request(request);
      const advertisement = `${packet("# service=git-upload-pack\n")}0000${packet(`${oid} HEAD\0side-band-64k ofs-delta shallow\n`)}0000`;
      const headers = { "content-type": "application/x-git-upload-pack-advertisement" };
      return {
        url: request.url,
        headers,
        body: once(Buffer.from(advertisement)),
        statusCode: 200,
        statusMessage: "",
      };
    },
  };
}

function packet(line: string): string {
  return (line.length + 4).toString(16).padStart(4, "0") + line;
}

/** Never returns once time is up: the library also calls this where nobody would catch what it throws. */
function patient(turn: () => Promise<void>): () => Promise<void> {
  return () => turn().catch(() => new Promise<never>(() => undefined));
}

/** The id of the commit that `oid` is, or that it names through annotated tags. */
export async function peel(repository: GitRepository, oid: string): Promise<string> {
  let current = oid;
  for (let tags = 0; tags <= TAGS_IN_A_ROW_MAX; tags += 1) {
    const { type, object } = await readObject(repository, current);
    if (type !== "tag") return current;
    checkText(object, current);
    current = (await git.readTag({ ...repository, oid: current })).tag.object;
  }
  throw new GitFailure("invalid", `More than ${TAGS_IN_A_ROW_MAX} tags name each other in a row`);
}

export async function readCommit(repository: GitRepository, oid: string): Promise<GitCommit> {
  checkText(await contentOf(repository, oid, "commit"), oid);
  const { author, committer, tree, message } = (await git.readCommit({ ...repository, oid })).commit;
  return { tree, author, committedAtSeconds: committer.timestamp, message };
}

/** Throws `invalid` for a name with a slash or backslash, or one that some system reads as `.`, `..` or `.git`. */
export async function readTree(repository: GitRepository, oid: string): Promise<git.TreeEntry[]> {
  await contentOf(repository, oid, "tree");
  try {
    return (await git.readTree({ ...repository, oid })).tree;
  } catch (error) {
    if (!(error instanceof git.Errors.UnsafeFilepathError)) throw error;
    throw new GitFailure("invalid", `A name could lead out of its folder: ${error.message}; rename it`);
  }
}

export async function readBlob(repository: GitRepository, oid: string): Promise<Uint8Array> {
  return contentOf(repository, oid, "blob");
}

/** As Git stores it, byte for byte, for a look at its signature; its text was checked when it was read before. */
export async function readSigned(
  repository: GitRepository,
  oid: string,
  kind: RawObject["kind"],
): Promise<RawObject> {
  return { kind, oid, raw: await contentOf(repository, oid, kind) };
}

async function contentOf(
  repository: GitRepository,
  oid: string,
  type: git.RawObject["type"],
): Promise<Uint8Array> {
  const found = await readObject(repository, oid);
  if (found.type === type) return found.object;
  throw new GitFailure(
    "invalid",
    `${oid} is a ${found.type} where a ${type} should be; run git fsck on the repository`,
  );
}

/** Unparsed: the library would follow a tag or commit that stands where a file should. */
async function readObject(repository: GitRepository, oid: string): Promise<git.RawObject> {
  // The declared type does not tell which format gives which result.
  return (await git.readObject({ ...repository, oid, format: "content" })) as git.RawObject;
}

/** The library's patterns take quadratic or cubic time on what is refused here. */
function checkText(content: Uint8Array, oid: string): void {
  const text = Buffer.from(content.subarray(0, TEXT_BYTES_MAX)).toString("utf8");
  const [headers = ""] = text.split("\n\n", 1);
  if (content.length <= TEXT_BYTES_MAX && !text.includes(EMPTY_LINES) && !HOSTILE_PERSON.test(headers))
    return;
  throw new GitFailure(
    "invalid",
    `The commit or tag ${oid} is malformed or larger than ${TEXT_BYTES_MAX} bytes`,
  );
}
