/**
 * Looks at one Promotion: reads, decides, does the one thing that follows, and writes what became of it. Who writes to a
 * host holds a short lease, so that of a sweep and an event at the same moment one does; the other looks again later.
 */
import { digestOf } from "#core/digest.ts";
import type { Promotion } from "#core/promotion.ts";
import { decidePromotion, type PromotionEffect } from "#core/promotion/decide.ts";
import { settleDelivery, settlePull, type Delivered, type Settled } from "#core/promotion/settle.ts";
import type { PromotionRecord, PromotionState } from "#core/promotion/state.ts";
import type { PromotionTarget } from "#core/promotion/target.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getReads } from "../release/reads.ts";
import { GitFailure, failed } from "../source/git-failure.ts";
import type { WayDeps } from "../source/way.ts";
import { charterOf, getHub } from "../store/hub.ts";
import { getPromotionRecord, putPromotionRecord } from "../store/promotion.ts";
import { getResource } from "../store/resource.ts";
import { getRelease } from "../store/rollout.ts";
import { treeOf, valuesOf } from "./content.ts";
import { deliver, type Delivery } from "./deliver.ts";
import { openHost, type OpenedHost } from "./host.ts";
import { refuseLoop } from "./loop.ts";
import type { PullRequest } from "./port.ts";
import { healthOf, sceneOf, type Scene } from "./observe.ts";

export interface PromoteDeps extends WayDeps {
  objects: Pick<ObjectStore, "get">;
}

/** Reading, writing and telling, of one look. */
const HOST_MS_MAX = 90_000;
/** Longer than that, so that it ends only for who broke off. */
const LEASE_MS = 2 * 60_000;

interface Look {
  deps: PromoteDeps;
  promotion: Promotion;
  scene: Scene;
  record: PromotionRecord;
}

/** Level-triggered; may be called by anybody at any time, also for what is not there any more. */
export async function lookAtPromotion(deps: PromoteDeps, project: string, name: string): Promise<void> {
  const stored = await getResource(deps.db, "Promotion", project, name);
  if (stored === undefined) return;
  const before = await getPromotionRecord(deps.db, project, name);
  if ((before?.lease ?? 0) > deps.now()) return;
  await look(deps, stored.resource, before);
}

async function look(
  deps: PromoteDeps,
  promotion: Promotion,
  before: PromotionRecord | undefined,
): Promise<void> {
  const { db, now } = deps;
  const scene = await sceneOf(db, promotion);
  const spec = digestOf(promotion.spec);
  // What was done for another target, or from another App, says nothing about this one.
  const known = before?.spec === spec ? before : undefined;
  const facts = { landed: known?.landed, pull: known?.pull, asked: known?.asked, state: known?.state };
  const { project } = promotion.metadata;
  let decided = decidePromotion(promotion.spec, facts, scene.observed, now());
  if (decided.effects.some(({ kind }) => kind === "observe")) {
    const health = await healthOf(db, project, promotion.spec.from.app, now());
    decided = decidePromotion(promotion.spec, facts, { ...scene.observed, health }, now());
  }
  const record = recordOf(promotion, spec, before, known, decided.next);
  const [effect] = decided.effects;
  if (effect === undefined || effect.kind === "observe") return keep(deps, before, record);
  const look: Look = { deps, promotion, scene, record };
  return effect.kind === "watch" ? watch(look, before) : write(look, effect);
}

function recordOf(
  { metadata }: Promotion,
  spec: string,
  before: PromotionRecord | undefined,
  known: PromotionRecord | undefined,
  state: PromotionState,
): PromotionRecord {
  const { lease: _, ...held } = known ?? { project: metadata.project, name: metadata.name };
  return {
    ...held,
    project: metadata.project,
    name: metadata.name,
    spec,
    state,
    version: (before?.version ?? 0) + 1,
  };
}

/** A quiet Promotion writes nothing. */
async function keep(
  deps: PromoteDeps,
  before: PromotionRecord | undefined,
  record: PromotionRecord,
): Promise<void> {
  if (before !== undefined && digestOf({ ...before, version: record.version }) === digestOf(record)) return;
  await putPromotionRecord(deps.db, record);
}

async function write(look: Look, { release }: Extract<PromotionEffect, { kind: "deliver" }>): Promise<void> {
  const { deps, record } = look;
  const leased = { ...record, lease: deps.now() + LEASE_MS };
  if ((await putPromotionRecord(deps.db, leased)) === "lost") return;
  const done = await delivered(look, release);
  const settled = settleDelivery(record, release, done, deps.now());
  await putPromotionRecord(deps.db, settledRecord({ ...record, version: leased.version + 1 }, settled));
}

/** `settled` says all of what moves: what it leaves out has ended. */
function settledRecord(record: PromotionRecord, settled: Settled): PromotionRecord {
  const { state: _state, landed: _landed, pull: _pull, asked: _asked, ...rest } = record;
  return { ...rest, ...settled };
}

async function delivered(look: Look, release: number): Promise<Delivered> {
  try {
    const delivery = await prepare(look, release);
    return await atHost(look, ({ host }) => deliver(host, delivery));
  } catch (error) {
    if (error instanceof GitFailure) return { kind: "failed", code: error.code, message: error.message };
    throw error;
  }
}

async function prepare({ deps, promotion, scene, record }: Look, number: number): Promise<Delivery> {
  const { db, objects } = deps;
  const { app } = promotion.spec.from;
  const release = await getRelease(db, promotion.metadata.project, app, number);
  if (release === undefined)
    throw new GitFailure(
      "not-found",
      `Release ${number} of App ${app} is not kept any more; make a newer one`,
    );
  const { branch, isShared } = targetOf(scene);
  const reads = isShared && scene.reads !== undefined ? await getReads(objects, scene.reads) : undefined;
  return {
    promotion,
    release,
    tree: await treeOf(objects, promotion, release),
    values: await valuesOf(objects, promotion, release),
    branch,
    hubUrl: charterOf(await getHub(db)).urls[0] ?? "",
    record,
    now: deps.now(),
    refuseLoop: (changes) => {
      if (reads !== undefined) refuseLoop(app, reads, changes);
    },
  };
}

function targetOf({ aimed }: Scene): PromotionTarget {
  if (aimed.kind === "aimed") return aimed.target;
  throw new GitFailure("refused", aimed.message);
}

async function atHost<T>(
  { deps, promotion, scene }: Look,
  run: (opened: OpenedHost) => Promise<T>,
): Promise<T> {
  const target = targetOf(scene);
  if (scene.to === undefined) throw new GitFailure("refused", "its Source is gone");
  const opened = await openHost(deps, promotion, scene.to, target, AbortSignal.timeout(HOST_MS_MAX));
  try {
    return await run(opened);
  } catch (error) {
    const { code, message } = failed(error, HOST_MS_MAX);
    if (code === "auth" || code === "not-found") opened.forget();
    throw new GitFailure(code, message);
  }
}

async function watch(look: Look, before: PromotionRecord | undefined): Promise<void> {
  const { deps, record } = look;
  const { pull } = record;
  const standing = pull === undefined ? "unknown" : await standingOf(look, pull.number);
  if (pull === undefined || standing === "unknown") return keep(deps, before, record);
  return keep(deps, before, settledRecord(record, settlePull(record, pull, standing, deps.now())));
}

/** Of a host that does not answer nothing is known to have changed: it is asked again at the next look. */
async function standingOf(look: Look, number: number): Promise<PullRequest["standing"] | "unknown"> {
  try {
    return await atHost(look, async ({ host }) => (await host.pulls?.find({ number }))?.standing ?? "closed");
  } catch (error) {
    if (error instanceof GitFailure) return "unknown";
    throw error;
  }
}
