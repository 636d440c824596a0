/**
 * One commit of a Source that is not, or not yet, the one at its ref: fetched by the Source's own way, under its own
 * demands, its tree kept by digest. The Source's state stays as it is.
 */
import { isVerified } from "#core/signers.ts";
import { askedOf, lastRead, type GitRef, type ReadSource, type Source } from "#core/source.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { GitFailed } from "../source/git-failure.ts";
import { fetchCommit, remoteHead, type FetchedCommit, type RemoteRequest } from "../source/git.ts";
import { wayTo, type WayDeps } from "../source/way.ts";
import { getSourceState } from "../store/state.ts";
import { putTree } from "./content.ts";
import { demandedOf, vouch, type Vouched } from "./verify-source.ts";

export type CommitRef = Extract<GitRef, { commit: string } | { branch: string }>;

/** Somebody waits for the answer. */
const HEAD_MS_MAX = 10_000;
const FETCH_MS_MAX = 40_000;

export async function readCommit(
  deps: WayDeps & { objects: ObjectStore },
  source: Source,
  ref: CommitRef,
): Promise<ReadSource | GitFailed> {
  const rules = await demandedOf(deps.db, source);
  if (rules.kind === "unknown") return { kind: "failed", code: "signature", message: rules.message };
  const way = await wayTo(deps, source);
  if (way.kind === "failed") return way;
  const request: RemoteRequest = {
    url: source.spec.git.url,
    ref,
    http: way.http,
    credentials: way.credentials,
    timeoutMs: HEAD_MS_MAX,
  };
  // For a commit, too: it shows that the repository may be read, whatever the hub holds already.
  const head = await remoteHead(request);
  if (head.kind === "failed") return head;
  const asked = askedOf(source, rules);
  const { project, name } = source.metadata;
  const known = lastRead(await getSourceState(deps.db, project, name));
  if (known?.commit === head.commit && known.asked === asked && isVerified(known, rules)) return known;
  const fetched = await fetchCommit({ ...request, commit: head.commit, timeoutMs: FETCH_MS_MAX });
  if (fetched.kind === "failed") return fetched;
  const vouched = await vouch(rules, fetched.objects, deps.now());
  if (vouched.kind === "failed") return vouched;
  return { ...(await keepCommit(deps.objects, fetched, head.refName, vouched)), asked, at: deps.now() };
}

/** Keeps the tree of what was fetched and vouched for. */
export async function keepCommit(
  objects: ObjectStore,
  { commit, author, message, committedAt, files }: FetchedCommit,
  refName: string,
  { facts }: Extract<Vouched, { kind: "vouched" }>,
): Promise<Omit<ReadSource, "at" | "asked">> {
  const tree = await putTree(objects, files);
  const { name, email } = author;
  return { kind: "read", commit, author: name, email, message, committedAt, tree, ref: refName, ...facts };
}
