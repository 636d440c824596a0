/** How it ends, once nothing goes wrong any more: every cluster on the release, or in an exception that is told. */
import { canonicalJson } from "#core/digest.ts";
import { NO_HOLD } from "#core/hold.ts";
import { placementSchema } from "#core/placement.ts";
import type { Rollout } from "#core/rollout.ts";
import { getTargets } from "../../../functions/release/content.ts";
import { getHold } from "../../../functions/store/hold.ts";
import { getResource } from "../../../functions/store/resource.ts";
import { getRollout } from "../../../functions/store/rollout.ts";
import { getAppRecord, inForce, type AppRecord } from "../../../functions/store/state.ts";
import { PROJECT } from "../world/app.ts";
import { keys } from "../../../functions/store/table.ts";
import { APP, type World } from "../world/world.ts";

export type Answer = "resume" | "retry" | "approve" | "unpin" | "release";
export type End =
  | { kind: "there" }
  /** Somebody has to say something: what people would be shown. */
  | { kind: "waits"; for: Answer; release: number }
  | { kind: "not-yet"; why: string };

/** Of one App of the world. */
export async function endOf(world: World, app: string = APP): Promise<End> {
  const record = await getAppRecord(world.db, PROJECT, app);
  const stored = await getResource(world.db, "App", PROJECT, app);
  if (stored === undefined) return goneEnd(world, app, record);
  if (record === undefined) return notYet("the App was never looked at");
  if (record.release === 0 && record.error === undefined) return { kind: "there" };
  const rollout = await getRollout(world.db, PROJECT, app, inForce(record));
  if (rollout === undefined) return notYet(`no rollout ${inForce(record)}`);
  const [waits, held] = [waitsFor(rollout), await heldWaits(world, record)];
  // Instead of what was aborted, what waits for a yes already.
  const first = waits?.for === "release" ? (held ?? waits) : (waits ?? held);
  if (first !== undefined) return first;
  // What was gone back from by hand stays away until somebody says so.
  if (
    record.error !== undefined &&
    record.pinned?.release === rollout.release &&
    rollout.state.kind === "succeeded"
  )
    return { kind: "waits", for: "unpin", release: rollout.release };
  // What would have come instead was refused: the next commit may be better.
  if (rollout.state.kind === "rolled-back" && (await isRejected(world, record)))
    return { kind: "waits", for: "release", release: rollout.release };
  if (record.error !== undefined) return notYet(record.error.message);
  const newest = world.commits.length;
  if (Number(record.commit) !== newest)
    return notYet(`the App is at commit ${record.commit}, the newest is ${newest}`);
  if (record.release !== rollout.release || rollout.state.kind !== "succeeded")
    return notYet(`release ${rollout.release} of ${record.release} is ${rollout.state.kind}`);
  const missing = [...(await clustersNotOn(world, app, rollout)), ...(await wrongHolds(world))];
  if (missing.length > 0) return notYet(missing.join("; "));
  if (stored.deleting && !(await isRejected(world, record)))
    return notYet("the App is about to go, and nothing has it any more");
  return record.active ? notYet("all is done, and the App is still swept") : { kind: "there" };
}

const notYet = (why: string): End => ({ kind: "not-yet", why });

/** Of an App that was deleted. */
function goneEnd(world: World, app: string, record: AppRecord | undefined): End {
  const left = [...world.agents.values()].filter((agent) => {
    const order = agent.tenant(app)?.statement?.order;
    return order !== undefined && order.action !== "remove";
  });
  if (left.length > 0)
    return notYet(`the App is gone, and ${left.map(({ name }) => name).join(", ")} has it`);
  return record?.active === true ? notYet("the App is gone, and still swept") : { kind: "there" };
}

/** What was withheld waits for a yes. */
async function heldWaits(world: World, { app, withheld }: AppRecord): Promise<End | undefined> {
  const held = withheld === undefined ? undefined : await getRollout(world.db, PROJECT, app, withheld);
  if (held?.state.kind !== "withheld") return undefined;
  return held.state.approved === undefined
    ? { kind: "waits", for: "approve", release: held.release }
    : notYet(`release ${held.release} is approved, and not made`);
}

/** Somebody said no to what was withheld: it is not asked again until something else is wanted. */
async function isRejected(world: World, { app, withheld }: AppRecord): Promise<boolean> {
  const held = withheld === undefined ? undefined : await getRollout(world.db, PROJECT, app, withheld);
  return held?.state.kind === "aborted";
}

function waitsFor(rollout: Rollout): Extract<End, { kind: "waits" }> | undefined {
  const answer = answerTo(rollout);
  return answer === undefined ? undefined : { kind: "waits", for: answer, release: rollout.release };
}

function answerTo({ state, pinned }: Rollout): Answer | undefined {
  if (state.kind === "paused") return "resume";
  if (state.kind === "halted" && state.by !== undefined) return "resume";
  if (state.kind === "halted" && state.gate !== undefined) return "retry";
  if (state.kind === "running" && state.step?.kind === "approval") return "approve";
  // Once it is lifted the same is tried again, asked or not.
  if (state.kind === "rolled-back" && pinned === true) return "unpin";
  return state.kind === "aborted" ? "release" : undefined;
}

const UNHEARD = "unheard 0";

/** By what the clusters really have, and whether the hub knows it. */
async function clustersNotOn(world: World, app: string, rollout: Rollout): Promise<string[]> {
  const targets = await getTargets(world.objects, rollout.targets, 0, rollout.total);
  const wrong = targets.map(async ({ cluster, action, bundle }) => {
    const agent = world.agents.get(cluster);
    if (agent === undefined) return [];
    const { statement, phase = "without anything", isHealthy } = agent.tenant(app) ?? { isHealthy: false };
    const order = statement?.order;
    const has = order?.action === "apply" ? order.bundle.digest : undefined;
    const isThere = order?.action === action && has === bundle?.digest && isHealthy;
    const generation = statement?.generation ?? 0;
    if (!isThere) return [`${cluster} is ${phase} on generation ${generation}`];
    const known = await knownOf(world, app, cluster);
    // The App's end had begun when somebody applied it again: what it had here is forgotten already.
    if (action === "remove" && known === UNHEARD) return [];
    return known === `${phase} ${generation}`
      ? []
      : [`the hub takes ${cluster} for ${known}, not ${phase} ${generation}`];
  });
  return (await Promise.all(wrong)).flat();
}

async function knownOf({ db }: World, app: string, cluster: string): Promise<string> {
  const item = await db.get(keys.placement(PROJECT, app, cluster), { consistent: true });
  const { observed } = placementSchema.partial().parse(item ?? {});
  return observed === undefined ? UNHEARD : `${observed.phase} ${observed.generation}`;
}

/** What the hub keeps of a cluster's own hold is what the cluster says. */
async function wrongHolds(world: World): Promise<string[]> {
  const names = [...world.agents.keys()];
  const holds = await Promise.all(names.map((name) => getHold(world.db, PROJECT, name)));
  return names
    .filter((name, index) => {
      const known = holds[index]?.agent ?? NO_HOLD;
      return canonicalJson(known) !== canonicalJson(world.agents.get(name)?.hold);
    })
    .map((name) => `the hub does not know what ${name} says of itself`);
}
