/** How it ends, once nothing goes wrong any more: every cluster on the release, or in an exception that is told. */
import { canonicalJson } from "#core/digest.ts";
import { NO_HOLD } from "#core/hold.ts";
import type { Rollout } from "#core/rollout.ts";
import { getTargets } from "../../../functions/release/content.ts";
import { getHold } from "../../../functions/store/hold.ts";
import { getRollout } from "../../../functions/store/rollout.ts";
import { getAppRecord, inForce } from "../../../functions/store/state.ts";
import { APP, PROJECT, type World } from "../world/world.ts";

export type Answer = "resume" | "retry" | "approve" | "unpin" | "release";
export type End =
  | { kind: "there" }
  /** Somebody has to say something: what people would be shown. */
  | { kind: "waits"; for: Answer; release: number }
  | { kind: "not-yet"; why: string };

export async function endOf(world: World): Promise<End> {
  const record = await getAppRecord(world.db, PROJECT, APP);
  if (record === undefined) return { kind: "not-yet", why: "the App was never looked at" };
  if (record.release === 0 && record.error === undefined) return { kind: "there" };
  const rollout = await getRollout(world.db, PROJECT, APP, inForce(record));
  if (rollout === undefined) return { kind: "not-yet", why: `no rollout ${inForce(record)}` };
  const waits = waitsFor(rollout);
  if (waits !== undefined) return { kind: "waits", for: waits, release: rollout.release };
  // What was gone back from by hand stays away until somebody says so.
  if (
    record.error !== undefined &&
    record.pinned?.release === rollout.release &&
    rollout.state.kind === "succeeded"
  )
    return { kind: "waits", for: "unpin", release: rollout.release };
  if (record.error !== undefined) return { kind: "not-yet", why: record.error.message };
  const newest = world.commits.length;
  if (Number(record.commit) !== newest)
    return { kind: "not-yet", why: `the App is at commit ${record.commit}, the newest is ${newest}` };
  if (record.release !== rollout.release || rollout.state.kind !== "succeeded")
    return {
      kind: "not-yet",
      why: `release ${rollout.release} of ${record.release} is ${rollout.state.kind}`,
    };
  const missing = await clustersNotOn(world, rollout);
  if (missing.length > 0) return { kind: "not-yet", why: missing.join("; ") };
  const wrong = await wrongHolds(world);
  if (wrong.length > 0) return { kind: "not-yet", why: wrong.join("; ") };
  return record.active
    ? { kind: "not-yet", why: "all is done, and the App is still swept" }
    : { kind: "there" };
}

function waitsFor({ state, pinned }: Rollout): Answer | undefined {
  if (state.kind === "paused") return "resume";
  if (state.kind === "halted" && state.by !== undefined) return "resume";
  if (state.kind === "halted" && state.gate !== undefined) return "retry";
  if (state.kind === "running" && state.step?.kind === "approval") return "approve";
  // Once it is lifted the same is tried again, asked or not.
  if (state.kind === "rolled-back" && pinned === true) return "unpin";
  return state.kind === "aborted" ? "release" : undefined;
}

/** By what the clusters really have. */
async function clustersNotOn(world: World, rollout: Rollout): Promise<string[]> {
  const targets = await getTargets(world.objects, rollout.targets, 0, rollout.total);
  return targets.flatMap(({ cluster, action, bundle }) => {
    const agent = world.agents.get(cluster);
    if (agent === undefined) return [];
    const order = agent.statement?.order;
    const has = order?.action === "apply" ? order.bundle.digest : undefined;
    const isThere = order?.action === action && has === bundle?.digest && agent.isHealthy;
    return isThere
      ? []
      : [
          `${cluster} is ${agent.phase ?? "without anything"} on generation ${agent.statement?.generation ?? 0}`,
        ];
  });
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
