/**
 * Makes the way back of a rollout: for each cluster that it moved, a signed statement of the bundle that the cluster was
 * healthy on before. It needs no Git: bundles, statements and target lists are kept. Only the release function signs, so
 * it makes this list when it is told that a rollout goes back, and told again each minute until it has.
 */
import type { BundleRef } from "#core/bundle.ts";
import { RELEASES_KEPT } from "#core/limits.ts";
import type { Placement } from "#core/placement.ts";
import { lossBetween, type Target } from "#core/release.ts";
import type { Back, Rollout } from "#core/rollout.ts";
import { statementSchema, type Statement } from "#core/statement.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getHub } from "../store/hub.ts";
import { getPlacements } from "../store/placement.ts";
import { getRelease, getRollout, putRollout } from "../store/rollout.ts";
import { getBundleObjects, getTargets, putTargets } from "./content.ts";
import type { MakeDeps } from "./make.ts";
import { SIGNED_AT_ONCE } from "./sign.ts";
import { inSlices } from "./slices.ts";

/** `nothing`: it does not go back, or its list is there already. */
export async function makeBack(
  deps: MakeDeps,
  project: string,
  app: string,
  release: number,
): Promise<"made" | "nothing" | "lost"> {
  const rollout = await getRollout(deps.db, project, app, release);
  if (rollout?.state.kind !== "rolling-back" || rollout.back !== undefined) return "nothing";
  const { failing, healthy, stay } = await movedBy(deps, rollout);
  const targets = [...failing, ...healthy];
  const back: Back = {
    targets: await putTargets(deps.objects, targets),
    total: targets.length,
    failing: failing.length,
    maxUnavailable:
      rollout.stages[rollout.stage]?.maxUnavailable ?? rollout.stages.at(-1)?.maxUnavailable ?? 1,
    released: 0,
    out: [],
    failed: [],
    stay,
  };
  return (await putRollout(deps.db, { ...rollout, back })) === "written" ? "made" : "lost";
}

interface Moved {
  failing: Target[];
  healthy: Target[];
  stay: number;
}

/**
 * Every rank that was released, also where its assignment was not written yet: it may be on its way at this moment, and
 * the return outranks it.
 */
async function movedBy(deps: MakeDeps, rollout: Rollout): Promise<Moved> {
  const { project, app, release, later, out } = rollout;
  const notMoved = new Set(later);
  const isOut = new Set(out);
  const list = await getTargets(deps.objects, rollout.targets, 0, rollout.released);
  const placements = await getPlacements(
    deps.db,
    project,
    app,
    list.map(({ cluster }) => cluster),
  );
  const moved: Moved = { failing: [], healthy: [], stay: 0 };
  const signer = await returns(deps, rollout);
  const gone = [...list.entries()].flatMap(([rank, target]) => {
    const placement = placements.get(target.cluster);
    const isOurs = placement?.assigned?.rollout === release;
    // What it had already was not given by this rollout.
    if (!isOurs && (notMoved.has(rank) || target.carried)) return [];
    return [{ rank, target, to: isOurs ? (placement?.before ?? undefined) : placement?.healthy }];
  });
  const signed = await inSlices(gone, SIGNED_AT_ONCE, async ({ rank, target, to }) => ({
    rank,
    made: to === undefined ? undefined : await signer(target, to),
  }));
  for (const { rank, made } of signed) {
    if (made === undefined) moved.stay += 1;
    else (isOut.has(rank) ? moved.failing : moved.healthy).push(made);
  }
  return moved;
}

type SignReturn = (from: Target, to: NonNullable<Placement["healthy"]>) => Promise<Target | undefined>;

async function returns(deps: MakeDeps, { project, app, release, generation }: Rollout): Promise<SignReturn> {
  const hub = await getHub(deps.db);
  const lists = new Map<number, Promise<Map<string, Target>>>();
  const losses: KnownLosses = new Map();
  const oldest = Math.max(1, release - RELEASES_KEPT);
  return async (from, to) => {
    if (to.release < oldest) return undefined;
    const known = lists.get(to.release) ?? targetsOf(deps, project, app, to.release);
    lists.set(to.release, known);
    const target = (await known).get(from.cluster);
    const told = target === undefined ? undefined : payloadOf(target.statement);
    if (target === undefined || told === undefined) return undefined;
    const pruneLimit = Math.max(told.order.pruneLimit, await returnLoss(deps, losses, from, target));
    const numbers = { epoch: hub.epoch, generation: generation + 1, release: to.release };
    const statement = await deps.signer.sign({
      ...told,
      ...numbers,
      hub: hub.hub,
      floor: oldest,
      order: { ...told.order, pruneLimit },
    });
    return { ...target, ...numbers, carried: false, statement };
  };
}

/** By cluster; none where the release is not kept. */
export async function targetsOf(
  { db, objects }: Pick<MakeDeps, "db" | "objects">,
  project: string,
  app: string,
  number: number,
): Promise<Map<string, Target>> {
  const release = await getRelease(db, project, app, number);
  if (release === undefined) return new Map();
  const list = await getTargets(objects, release.targets, 0, release.targetCount);
  return new Map(list.map((target) => [target.cluster, target]));
}

/** By the digests of both bundles: many clusters go the same way. */
export type KnownLosses = Map<string, Promise<number>>;

/** What the release added has to go again, however much that is. */
export async function returnLoss(
  { objects }: Pick<MakeDeps, "objects">,
  known: KnownLosses,
  from: Target,
  to: Target,
): Promise<number> {
  if (from.bundle === undefined || to.bundle === undefined) return 0;
  const pair = `${from.bundle.digest} ${to.bundle.digest}`;
  const held = known.get(pair) ?? lossOf(objects, from.bundle, to.bundle);
  known.set(pair, held);
  return held;
}

async function lossOf(objects: ObjectStore, from: BundleRef, to: BundleRef): Promise<number> {
  return lossBetween(await getBundleObjects(objects, from), await getBundleObjects(objects, to)).length;
}

/** Of a statement that the hub signed itself and kept. */
export function payloadOf(statement: string): Statement | undefined {
  const text = Buffer.from(statement.split(".")[1] ?? "", "base64url").toString();
  const parsed = statementSchema.safeParse(text === "" ? undefined : JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}
