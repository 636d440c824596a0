/** No stage before the gates of the one before it: its clusters healthy or excused, its soak over, its approvals given. */
import { isDeepStrictEqual } from "node:util";
import { inStageOf, type Rollout, type Stage } from "#core/rollout.ts";
import { OLD_MS, SKEW_MS, type Checks } from "./checks.ts";
import { newestOf, type Entry } from "./ledger.ts";

export function checkGates(oracle: Checks, entry: Entry, cluster: string): void {
  const { stages } = newestOf(entry);
  const rank = entry.targets.findIndex((one) => one.cluster === cluster);
  const index = stages.findIndex((one) => inStageOf(one, rank));
  const where = `release ${entry.release}, stage ${stages[index]?.name ?? ""}: ${cluster} moves`;
  for (const stage of stages.slice(0, index)) {
    checkDone(oracle, entry, stage, where);
    checkSoak(oracle, entry, stage, where);
    checkVerdicts(oracle, entry, stage, where);
    oracle.checked.gates += 1;
  }
  checkApprovals(oracle, entry, stages.slice(0, index + 1), where);
}

/** Every cluster of it was healthy on this release, or there is a reason why it is not waited for. */
function checkDone(oracle: Checks, entry: Entry, { name, from, to }: Stage, where: string): void {
  const { maxFailures } = newestOf(entry);
  const wasRetried = oracle.told.some(
    ({ release, command }) => release === entry.release && command === "retry",
  );
  let failures = 0;
  for (const { cluster, generation, carried } of entry.targets.slice(from, to)) {
    if (carried || oracle.facts.healthyAt(cluster, generation) !== undefined) continue;
    if (oracle.facts.wasSilentSince(cluster, entry.startedAt, SKEW_MS) || !oracle.isThere(cluster)) continue;
    if (wasPassedBy(oracle, entry, cluster)) continue;
    oracle.must(
      hasFailed(oracle, entry, { cluster, generation }, entry.given.get(cluster)?.at),
      `${where} before ${cluster} of stage ${name} is healthy`,
    );
    failures += 1;
  }
  oracle.must(
    wasRetried || failures < maxFailures,
    `${where} with ${failures} failures in stage ${name}, maxFailures is ${maxFailures}`,
  );
}

/** Held at some moment, or without an App that it waits for when the rollout of that was over. */
function wasPassedBy(oracle: Checks, entry: Entry, cluster: string): boolean {
  const { app, dependsOn } = newestOf(entry);
  if (oracle.facts.wasHeldOnce(cluster, app, entry.startedAt, SKEW_MS)) return true;
  return dependsOn !== undefined && oracle.needs?.wasPassedOnce(cluster, entry.startedAt - OLD_MS) === true;
}

/** By its own word, or at the deadline. */
export function hasFailed(
  oracle: Checks,
  entry: Entry,
  { cluster, generation }: { cluster: string; generation: number },
  givenAt: number | undefined,
): boolean {
  if (oracle.facts.failedAt(cluster, generation) !== undefined) return true;
  return givenAt !== undefined && oracle.now() - givenAt > newestOf(entry).deadlineMs - SKEW_MS;
}

function wasSkipped(oracle: Checks, { release }: Entry): boolean {
  return oracle.told.some((one) => one.release === release && one.command === "skip-stage");
}

/** Those of a stage that its soak and its gates are about: moved, and neither failed nor left behind. */
function soaking(
  oracle: Checks,
  entry: Entry,
  { from, to }: Stage,
): { cluster: string; since: number | undefined }[] {
  return entry.targets.slice(from, to).flatMap(({ cluster, generation }) => {
    const given = entry.given.get(cluster);
    if (given === undefined || hasFailed(oracle, entry, { cluster, generation }, given.at)) return [];
    if (oracle.facts.wasSilentSince(cluster, entry.startedAt, SKEW_MS)) return [];
    if (wasPassedBy(oracle, entry, cluster)) return [];
    return [{ cluster, since: oracle.facts.healthyAt(cluster, generation) }];
  });
}

/** Each gate said yes: to a question of this stage that was asked after its soak. */
function checkVerdicts(oracle: Checks, entry: Entry, stage: Stage, where: string): void {
  const { name, from, to, soakMs = 0 } = stage;
  const isMoved = entry.targets.slice(from, to).some(({ cluster }) => entry.given.has(cluster));
  // Where nothing changed there is nothing to ask about.
  if (!isMoved && from < to) return;
  const healthy = soaking(oracle, entry, stage).flatMap(({ since }) => since ?? []);
  const soakedAt = Math.max(0, ...healthy) + (wasSkipped(oracle, entry) ? 0 : soakMs);
  for (const gate of stage.gates ?? [])
    oracle.must(
      oracle.said.some(
        (one) =>
          one.release === entry.release &&
          one.stage === name &&
          one.gate === gate.name &&
          one.verdict === "pass" &&
          one.at >= soakedAt - SKEW_MS,
      ),
      `${where} without a yes of gate ${gate.name} of stage ${name} after its soak`,
    );
}

const ANSWERS: Readonly<Record<string, string>> = {
  pass: "pass",
  fail: "fail",
  wait: "wait",
  nothing: "inconclusive",
};

/** What counts as a gate's word was said to the very attempt that the rollout waited for. */
export function checkAnswers(oracle: Checks, was: Rollout, is: Rollout): void {
  for (const { stage, gate, attempt, told } of is.gates) {
    const before = was.gates.find((one) => one.stage === stage && one.gate === gate);
    if (told === undefined || isDeepStrictEqual(before?.told, told)) continue;
    const isSaid = oracle.said.some(
      (one) =>
        one.release === is.release &&
        one.stage === stage &&
        one.gate === gate &&
        one.attempt === attempt &&
        ANSWERS[one.verdict] === told.kind,
    );
    oracle.must(
      isSaid,
      `release ${is.release}: ${told.kind} of gate ${gate} of stage ${stage} counts, which it never said to attempt ${attempt}`,
    );
  }
}

/** Counted from the first moment at which the last of them was healthy. */
function checkSoak(oracle: Checks, entry: Entry, stage: Stage, where: string): void {
  const { name, soakMs } = stage;
  if (soakMs === undefined || wasSkipped(oracle, entry)) return;
  for (const { cluster, since } of soaking(oracle, entry, stage)) {
    const soaked = since === undefined ? Number.POSITIVE_INFINITY : oracle.now() - since;
    oracle.must(
      soaked >= soakMs - SKEW_MS,
      `${where} ${soaked} ms after ${cluster} of stage ${name} became healthy, its soak is ${soakMs} ms`,
    );
  }
}

/** As many were given as there are gates on the way, none by whoever made the release. */
function checkApprovals(oracle: Checks, entry: Entry, stages: readonly Stage[], where: string): void {
  const { by } = newestOf(entry);
  // Where nothing changes for any of its clusters a stage has no gates.
  const moved = ({ from, to }: Stage): boolean =>
    from === to || entry.targets.slice(from, to).some((one) => !one.carried || entry.given.has(one.cluster));
  const here = stages.at(-1);
  const needed = stages.filter(
    (stage) =>
      (stage.approval === "before" && (stage === here || moved(stage))) ||
      (stage.approval === "after" && stage !== here && moved(stage)),
  );
  const given = oracle.told.filter(
    (one) => one.release === entry.release && one.command === "approve" && one.by !== by,
  );
  oracle.must(given.length >= needed.length, `${where} with ${given.length} approvals of ${needed.length}`);
}
