/**
 * Writes one release to the host: a commit, or the one pull request of the Promotion. May be repeated at any point: what is
 * there already is not written again. Somebody else's commit in between is read and built upon.
 */
import type { Promotion } from "#core/promotion.ts";
import { promotionBranch } from "#core/promotion.ts";
import {
  changesTo,
  copiedFiles,
  editedPaths,
  withValues,
  type Contents,
  type Entries,
  type FileChange,
  type PromotedValues,
  type Wanted,
} from "#core/promotion/change.ts";
import type { Delivered } from "#core/promotion/settle.ts";
import type { PromotionRecord } from "#core/promotion/state.ts";
import { commitMessage, promotionTitle, pullRequestBody } from "#core/promotion/words.ts";
import type { Release } from "#core/release.ts";
import { GitFailure } from "../source/git-failure.ts";
import type { GitHost, HostTree, PullRequests } from "./port.ts";

export interface Delivery {
  promotion: Promotion;
  release: Release;
  tree: Contents;
  values: PromotedValues;
  branch: string;
  hubUrl: string;
  /** What earlier releases left there, and an open pull request. */
  record: Pick<PromotionRecord, "landed" | "pull">;
  now: number;
  /** Throws where a change would come back to the App that it is from. */
  refuseLoop: (changes: readonly FileChange[]) => void;
}

const RACES_MAX = 4;

/** Throws `GitFailure`. */
export async function deliver(host: GitHost, delivery: Delivery): Promise<Delivered> {
  for (let race = 0; race < RACES_MAX; race++) {
    const done = await attempt(host, delivery);
    if (done !== "moved") return done;
  }
  throw new GitFailure(
    "unreachable",
    `Branch ${delivery.branch} was moved by others ${RACES_MAX} times while it was written; it is tried again later`,
  );
}

async function attempt(host: GitHost, delivery: Delivery): Promise<Delivered | "moved"> {
  const { promotion, branch, record } = delivery;
  const base = await host.tree(branch, promotion.spec.to.path);
  if (base === undefined)
    throw new GitFailure("ref-not-found", `The repository has no branch ${branch}; check to.branch`);
  const wanted = await filesFor(host, delivery, base);
  const files = [...wanted.keys()].sort();
  const gone = (record.landed?.files ?? []).filter((path) => !wanted.has(path));
  const changes = checked(changesTo(base.entries, wanted, gone));
  if (changes.length === 0) return { kind: "same", files };
  delivery.refuseLoop(changes);
  if (host.pulls !== undefined && promotion.spec.by === "pullRequest")
    return propose(host, host.pulls, delivery, { base, wanted, gone, changes });
  const written = await host.commit({
    branch,
    tip: base.commit,
    start: { branch, commit: base.commit },
    changes,
    message: messageOf(delivery),
    at: delivery.now,
  });
  return written.kind === "moved" ? "moved" : { kind: "committed", commit: written.commit, files };
}

async function filesFor(
  host: GitHost,
  { promotion: { spec }, tree, values }: Delivery,
  base: HostTree,
): Promise<Contents> {
  const copied = taken(copiedFiles(spec, tree));
  const standing = await read(host, base.entries, editedPaths(spec, copied));
  return taken(withValues(spec, copied, standing, values));
}

/** Plain files only: what a link leads to is not edited. */
async function read(
  host: GitHost,
  entries: Entries,
  paths: readonly string[],
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const path of paths) {
    const entry = entries.get(path);
    if (entry?.mode.startsWith("100") === true) found.set(path, await host.blob(entry.id));
  }
  return found;
}

interface Proposed {
  base: HostTree;
  wanted: Contents;
  gone: readonly string[];
  /** Against `base`. */
  changes: readonly FileChange[];
}

async function propose(
  host: GitHost,
  pulls: PullRequests,
  delivery: Delivery,
  proposed: Proposed,
): Promise<Delivered | "moved"> {
  const { promotion, branch: into, release } = delivery;
  const { project, name } = promotion.metadata;
  const branch = promotionBranch(project, name);
  const open = await pulls.find({ branch, into });
  const tip = open === undefined ? undefined : await host.tree(branch, promotion.spec.to.path);
  const brought = await bring(host, delivery, branch, tip, proposed);
  if (brought === "moved") return "moved";
  const { commit } = brought;
  const body = pullRequestBody(promotion, release, delivery.hubUrl);
  const number = tip === undefined ? undefined : open?.number;
  const offered = await pulls.offer({
    number,
    branch,
    into,
    title: promotionTitle(promotion, release),
    body,
  });
  const files = [...proposed.wanted.keys()].sort();
  return { kind: "opened", pull: { number: offered.number, url: offered.url, commit, files } };
}

/** The branch as it has to be: made anew from the target, or under an open pull request by one more commit. */
async function bring(
  host: GitHost,
  delivery: Delivery,
  branch: string,
  tip: HostTree | undefined,
  { base, wanted, gone, changes }: Proposed,
): Promise<{ commit: string } | "moved"> {
  const start = { branch: delivery.branch, commit: base.commit };
  const all = tip === undefined ? changes : await updates(host, delivery, tip, { base, wanted, gone });
  if (tip !== undefined && all.length === 0) return { commit: tip.commit };
  const asked = {
    branch,
    tip: tip?.commit,
    start,
    changes: all,
    message: messageOf(delivery),
    at: delivery.now,
  };
  const written = await host.commit(asked);
  return written.kind === "moved" ? "moved" : { commit: written.commit };
}

/** What an older release brought into the open pull request, and this one does not, is as the target has it. */
async function updates(
  host: GitHost,
  { record }: Delivery,
  tip: HostTree,
  { base, wanted, gone }: Omit<Proposed, "changes">,
): Promise<readonly FileChange[]> {
  const earlier = (record.pull?.files ?? []).filter((path) => !wanted.has(path) && !gone.includes(path));
  const kept = earlier.filter((path) => base.entries.has(path));
  const restored = await read(host, base.entries, kept);
  const absent = earlier.filter((path) => !base.entries.has(path));
  return checked(changesTo(tip.entries, new Map([...wanted, ...restored]), [...gone, ...absent]));
}

function messageOf({ promotion, release, hubUrl }: Delivery): string {
  return commitMessage(promotion, release, hubUrl);
}

function taken(wanted: Wanted): Map<string, Uint8Array> {
  if (wanted.kind === "wanted") return wanted.files;
  throw new GitFailure("unsupported", wanted.message);
}

function checked(found: ReturnType<typeof changesTo>): readonly FileChange[] {
  if (found.kind === "changes") return found.changes;
  throw new GitFailure("unsupported", found.message);
}
