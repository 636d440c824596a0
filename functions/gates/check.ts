/**
 * What the agents of a stage told of an object in their clusters. An answer counts only where it came with the very
 * generation that this rollout's list gives the cluster; clusters that are silent, that failed and are tolerated, or that
 * were passed by do not count.
 */
import type { Verdict } from "#core/gate.ts";
import { stageVerdict, type ClusterAnswer } from "#core/object-check.ts";
import type { Placement } from "#core/placement.ts";
import type { ObjectStore } from "../objects/port.ts";
import { targetIndex, type Indexed } from "../release/target-index.ts";
import { getBeats, isSilent } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getPlacements } from "../store/placement.ts";
import type { Question } from "./ask.ts";

interface CheckDeps {
  db: Db;
  objects: Pick<ObjectStore, "get">;
}

/** Of a stage, read at a time. */
const CLUSTERS_PER_READ = 500;

export async function judgeCheck({ db, objects }: CheckDeps, question: Question): Promise<Verdict> {
  const members = await membersOf(objects, question);
  const names = [...members.keys()];
  const answers: ClusterAnswer[] = [];
  for (let at = 0; at < names.length; at += CLUSTERS_PER_READ) {
    const read = await readAnswers(db, question, members, names.slice(at, at + CLUSTERS_PER_READ));
    answers.push(...read);
    if (read.some(({ answer }) => answer?.verdict === "fail")) break;
  }
  const { verdict, message } = stageVerdict(answers);
  return { kind: verdict, message };
}

/** Of the stage in force, who has to answer. */
async function membersOf(
  objects: CheckDeps["objects"],
  { rollout, stage: name }: Question,
): Promise<Map<string, Indexed>> {
  const stage = rollout.stages.find((one) => one.name === name);
  if (stage === undefined) return new Map();
  const passedBy = new Set([...rollout.failed, ...rollout.later]);
  const index = await targetIndex(objects, rollout);
  return new Map(
    [...index].filter(
      ([, { rank, action }]) =>
        action === "apply" && rank >= stage.from && rank < stage.to && !passedBy.has(rank),
    ),
  );
}

async function readAnswers(
  db: Db,
  { rollout: { project, app }, gate, at }: Question,
  members: ReadonlyMap<string, Indexed>,
  clusters: readonly string[],
): Promise<ClusterAnswer[]> {
  const [beats, placements] = await Promise.all([
    getBeats(db, project, clusters),
    getPlacements(db, project, app, clusters),
  ]);
  return clusters
    .filter((cluster) => !isSilent(beats.get(cluster), at))
    .map((cluster) => {
      const told = toldOf(placements.get(cluster), members.get(cluster));
      return { cluster, answer: told?.find((one) => one.gate === gate.name) };
    });
}

/** Nothing of a placement that is, or was told of, on another generation. */
function toldOf(placement: Placement | undefined, target: Indexed | undefined) {
  const { observed, assigned } = placement ?? {};
  const isOf = (one: { epoch: number; generation: number } | undefined): boolean =>
    one !== undefined && one.epoch === target?.epoch && one.generation === target.generation;
  return isOf(observed) && isOf(assigned) ? observed?.checks : undefined;
}
