/**
 * Looks at a Source's ref: nothing new costs one small exchange and no write. A new commit is fetched once for the
 * whole fleet, its tree kept by digest, and the source's state written; the stream tells the rest of the hub.
 */
import { isVerified, type Demanded } from "#core/signers.ts";
import { askedOf, lastRead, type ReadSource, type Source, type SourceState } from "#core/source.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { GitFailed } from "../source/git-failure.ts";
import { fetchCommit, remoteHead, type RemoteRequest } from "../source/git.ts";
import { wayTo, type WayDeps } from "../source/way.ts";
import type { Db } from "../store/db.ts";
import { getSourceState, putSourceState } from "../store/state.ts";
import { keepCommit } from "./read-commit.ts";
import { demandedOf, vouch } from "./verify-source.ts";

export interface SourceDeps extends WayDeps {
  objects: ObjectStore;
}

export type Polled =
  | { kind: "unchanged" }
  | { kind: "read"; commit: string }
  | { kind: "failed"; message: string };

/** To tell where a ref stands is one small exchange: who takes longer is told as away. */
const HEAD_MS_MAX = 20_000;
const running = new WeakMap<Db, Map<string, Promise<Polled>>>();

/** Asked for while this process looks at the same Source, it is that look. After `signal` ended it, nothing is written. */
export function pollSource(deps: SourceDeps, source: Source, signal?: AbortSignal): Promise<Polled> {
  const looks = running.get(deps.db) ?? new Map<string, Promise<Polled>>();
  running.set(deps.db, looks);
  const id = `${source.metadata.project}/${source.metadata.name}`;
  const joined = looks.get(id);
  if (joined !== undefined) return joined;
  const look = lookAt(deps, source, signal).finally(() => looks.delete(id));
  looks.set(id, look);
  return look;
}

async function lookAt(deps: SourceDeps, source: Source, signal: AbortSignal | undefined): Promise<Polled> {
  const { project, name } = source.metadata;
  const before = await getSourceState(deps.db, project, name);
  const known = lastRead(before);
  const rules = await demandedOf(deps.db, source);
  const found = await read(deps, source, rules, before, signal);
  if (signal?.aborted === true) return { kind: "failed", message: "the hub stops" };
  const state = stateOf(deps.now(), askedOf(source, rules), before, found);
  if (state === before) return { kind: "unchanged" };
  await putSourceState(deps.db, project, name, state);
  if (state.kind === "failed") return { kind: "failed", message: state.message };
  return state.commit === known?.commit ? { kind: "unchanged" } : { kind: "read", commit: state.commit };
}

type Found =
  | { kind: "same" }
  /** What was refused stands there yet. */
  | { kind: "still" }
  | { kind: "new"; read: Omit<ReadSource, "at" | "asked"> }
  | (GitFailed & { refused?: string });

/** A refusal may have been one of time: then the same commit is looked at again. */
const REFUSED_AGAIN_MS = 60 * 60_000;

async function read(
  deps: SourceDeps,
  source: Source,
  rules: Demanded,
  before: SourceState | undefined,
  signal: AbortSignal | undefined,
): Promise<Found> {
  if (rules.kind === "unknown") return { kind: "failed", code: "signature", message: rules.message };
  const way = await wayTo(deps, source, signal);
  if (way.kind === "failed") return way;
  const { url, ref } = source.spec.git;
  const request: RemoteRequest = { url, ref, http: way.http, credentials: way.credentials, signal };
  const head = await remoteHead({ ...request, timeoutMs: HEAD_MS_MAX });
  if (head.kind === "failed") {
    if (head.code === "auth" || head.code === "not-found") way.forget();
    return head;
  }
  const [known, asked, object] = [lastRead(before), askedOf(source, rules), head.tag ?? head.commit];
  if (known !== undefined && isSame(known, asked, head) && isVerified(known, rules)) return { kind: "same" };
  if (isRefused(before, asked, object, deps.now())) return { kind: "still" };
  const tag = head.tag === undefined ? undefined : { oid: head.tag, refName: head.refName };
  const fetched = await fetchCommit({ ...request, commit: head.commit, tag });
  if (fetched.kind === "failed") return fetched;
  const vouched = await vouch(rules, fetched.objects, deps.now());
  if (vouched.kind === "failed") return fetched.moved ? vouched : { ...vouched, refused: object };
  return { kind: "new", read: await keepCommit(deps.objects, fetched, head.refName, vouched) };
}

/** States of before do not say by what they were read: the commit alone counts then. */
function isSame(known: ReadSource, asked: string, head: { commit: string; refName: string }): boolean {
  return (
    known.commit === head.commit &&
    (known.ref ?? head.refName) === head.refName &&
    (known.asked ?? asked) === asked
  );
}

/** The whole commit is not fetched again to refuse it again. */
function isRefused(before: SourceState | undefined, asked: string, object: string, now: number): boolean {
  if (before?.kind !== "failed" || before.asked !== asked || before.refused !== object) return false;
  return now - before.at < REFUSED_AGAIN_MS;
}

/** What runs keeps running: a failed read changes what is told of the source, nothing else. */
function stateOf(at: number, asked: string, before: SourceState | undefined, found: Found): SourceState {
  const last = lastRead(before);
  if (found.kind === "new") return { ...found.read, asked, at };
  if (found.kind === "same" && before?.kind === "read") return before;
  if (found.kind === "still" && before !== undefined) return before;
  if (found.kind === "same" && last !== undefined) return { ...last, at };
  const { code, message, refused } = found as GitFailed & { refused?: string };
  const attempts = (before?.kind === "failed" ? (before.attempts ?? 1) : 0) + 1;
  const held = last === undefined ? {} : { last };
  const which = refused === undefined ? {} : { refused };
  return { kind: "failed", code, message, at, attempts, asked, ...held, ...which };
}
