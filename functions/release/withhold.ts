/**
 * A release that would make more vanish than its App's budget allows. It is made and told with a number of its own, and
 * nothing of it is signed; an approval is bound to the digest of what would go. The App's newest release stays the one
 * before, so that what runs is what every decision is held against.
 */
import { lossWords, type ClusterLoss, type Losses } from "#core/losses.ts";
import type { Release } from "#core/release.ts";
import { stagesOf, UNMOVED, type Rollout } from "#core/rollout.ts";
import { sentence } from "#core/text.ts";
import { createRelease, getRelease, getRollout } from "../store/rollout.ts";
import type { AppRecord } from "../store/state.ts";
import { putTargets } from "./content.ts";
import { nextRecord, numberOf, releaseFacts, type MakeDeps, type Noted } from "./make.ts";
import type { Planned } from "./plan.ts";
import type { Situation } from "./situation.ts";

/** What was withheld last: it waits, is approved, or was refused. */
export interface Held {
  release: Release;
  rollout: Rollout;
}

export async function readHeld(
  { db }: Pick<MakeDeps, "db">,
  { app, record }: Pick<Situation, "app" | "record">,
): Promise<Held | undefined> {
  if (record?.withheld === undefined) return undefined;
  const { project, name } = app.resource.metadata;
  const [release, rollout] = await Promise.all([
    getRelease(db, project, name, record.withheld),
    getRollout(db, project, name, record.withheld),
  ]);
  return release === undefined || rollout === undefined ? undefined : { release, rollout };
}

export function isWaiting(held: Held | undefined): held is Held {
  return held?.rollout.state.kind === "withheld";
}

export function isApproved(held: Held | undefined): boolean {
  return held?.rollout.state.kind === "withheld" && held.rollout.state.approved !== undefined;
}

/** Approved, and it is the same that would vanish. */
export function isCovered(held: Held | undefined, { digest }: Losses): boolean {
  return isApproved(held) && held?.release.losses?.digest === digest;
}

/** Asked already, and not answered otherwise than by a no: the same question of the same commit and App. */
export function isAsked(held: Held | undefined, { app, source }: Situation, { digest }: Losses): boolean {
  if (held === undefined || isApproved(held)) return false;
  const { kind } = held.rollout.state;
  if (kind !== "withheld" && kind !== "aborted") return false;
  const { losses, commit, appVersion } = held.release;
  return losses?.digest === digest && commit === source.commit && appVersion === app.version;
}

/** Each cluster may delete what was approved, and no more. */
export function withLimits(planned: readonly Planned[], losses: readonly ClusterLoss[]): Planned[] {
  const counts = new Map(losses.map(({ cluster, keys }) => [cluster, keys.length]));
  return planned.map((plan) => {
    const { cluster, pruneLimit } = plan.wanted;
    return { ...plan, pruneLimit: Math.max(pruneLimit, counts.get(cluster) ?? 0) };
  });
}

export async function withhold(
  deps: MakeDeps,
  situation: Situation,
  planned: readonly Planned[],
  noted: Noted,
  losses: Losses,
  held: Held | undefined,
): Promise<number | "lost"> {
  const release = numberOf(situation.record);
  const facts = await releaseFacts(deps, situation, noted, release);
  const made: Release = {
    ...facts,
    // There is no list: what is not signed cannot be assigned.
    targets: await putTargets(deps.objects, []),
    targetCount: 0,
    changed: planned.filter(({ carried }) => carried === undefined).length,
    removed: planned.filter(({ wanted }) => wanted.action === "remove").length,
    losses,
  };
  const record: AppRecord = { ...nextRecord(situation, deps.now(), noted), withheld: release };
  const written = await createRelease(
    deps.db,
    made,
    rolloutOf(situation, made, planned, losses),
    record,
    situation.record?.version,
    isWaiting(held) ? held.rollout : undefined,
  );
  return written === "lost" ? "lost" : release;
}

function rolloutOf(
  situation: Situation,
  made: Release,
  planned: readonly Planned[],
  losses: Losses,
): Rollout {
  const { project, app, release, commit, targets, at } = made;
  const stages = planned.map(({ stage }) => stage);
  const reason = sentence(lossWords(losses), REASON_CHARS_MAX);
  return {
    ...UNMOVED,
    project,
    app,
    release,
    commit,
    targets,
    total: planned.length,
    stages: stagesOf(situation.app.resource.spec.rollout, stages),
    deadlineMs: 0,
    state: { kind: "withheld", since: at, reason, authors: authorsOf(situation, made, planned) },
    startedAt: at,
    version: 1,
  };
}

const REASON_CHARS_MAX = 1_000;
const AUTHORS_MAX = 20;

/** Whose yes does not count: who wrote the commit, who changed the App, who changed the clusters that it leaves. */
function authorsOf(
  { app, source, changedBy }: Situation,
  { reason }: Release,
  planned: readonly Planned[],
): string[] {
  const left = planned.flatMap(({ wanted }) =>
    wanted.action === "remove" ? (changedBy.get(wanted.cluster) ?? []) : [],
  );
  const authors =
    {
      commit: [`user:${source.email}`],
      "clusters changed": left,
    }[reason] ?? (app.stamp === undefined ? [] : [app.stamp.by]);
  return [...new Set(authors)].slice(0, AUTHORS_MAX);
}
