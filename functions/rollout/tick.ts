/**
 * One step of a rollout: read it and the placements it still waits for, decide, write. A lost race is read and
 * decided again. What it releases reaches the clusters through the stream; what was lost on that way is owed again
 * and handed out here when `redrive` is asked.
 */
import { decide, isOver, standingOf, type ObservedTarget, type Rollout } from "#core/rollout.ts";
import { getTargets } from "../release/content.ts";
import { leaveApp } from "../release/leave.ts";
import { getBeats, isSilent } from "../store/cluster.ts";
import { getPlacements } from "../store/placement.ts";
import { getResource } from "../store/resource.ts";
import { getRollout, putRollout } from "../store/rollout.ts";
import { markInactive } from "../store/state.ts";
import { canonicalJson } from "#core/digest.ts";
import { assignRange, type AssignDeps } from "./assign.ts";

const RACES_MAX = 5;

export async function tick(
  deps: AssignDeps,
  project: string,
  app: string,
  release: number,
  options: { redrive: boolean } = { redrive: false },
): Promise<Rollout | undefined> {
  for (let race = 0; race < RACES_MAX; race++) {
    const rollout = await getRollout(deps.db, project, app, release);
    if (rollout === undefined) return undefined;
    if (isOver(rollout.state)) {
      if (options.redrive) await finish(deps, rollout);
      return rollout;
    }
    const { next, effects } = decide(rollout, await observe(deps, rollout), deps.now());
    if (canonicalJson(next) !== canonicalJson(rollout) && (await putRollout(deps.db, next)) === "lost")
      continue;
    if (options.redrive)
      for (const { from, to, fence } of effects)
        await assignRange(deps, { project, app, release, from, to, fence });
    if (isOver(next.state)) await finish(deps, next);
    return next;
  }
  // Each loser leaves a winner behind, and the sweep looks again: nothing is lost by giving up here.
  return undefined;
}

async function observe(deps: AssignDeps, rollout: Rollout): Promise<ObservedTarget[]> {
  const { project, app, settled, released, deadlineMs } = rollout;
  const targets = await getTargets(deps.objects, rollout.targets, settled, released);
  const clusters = targets.map(({ cluster }) => cluster);
  const placements = await getPlacements(deps.db, project, app, clusters);
  const beats = await getBeats(deps.db, project, clusters);
  const now = deps.now();
  return targets.map((target, index) => {
    const { cluster } = target;
    const heard = { silent: isSilent(beats.get(cluster), now) };
    return {
      rank: settled + index,
      cluster,
      standing: standingOf(target, placements.get(cluster), heard, deadlineMs, now),
    };
  });
}

/**
 * May be repeated: the sweep does, where a crash left it undone. A deleted App goes when it has left its last cluster;
 * where some are silent, the sweep of the Apps sees them leave later.
 */
async function finish(deps: AssignDeps, rollout: Rollout): Promise<void> {
  const { project, app, release, state } = rollout;
  if (state.kind === "succeeded" && state.silent === 0) {
    const stored = await getResource(deps.db, "App", project, app);
    if (stored?.deleting === true) await leaveApp(deps.db, stored);
  }
  await markInactive(deps.db, project, app, release);
}
