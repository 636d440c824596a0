/**
 * Never more than `maxUnavailable` of a stage unavailable because of us. Counted are the clusters that this rollout gave
 * something, that were healthy before, and have not been healthy on it since; a cluster that was silent meanwhile was
 * moved when it came back, asked or not, and is not counted. Each release has a budget of its own (decision 018).
 */
import { inStageOf } from "#core/rollout.ts";
import { SKEW_MS, type Checks } from "./checks.ts";
import { hasFailed } from "./gates.ts";
import { newestOf, type Entry, type Given } from "./ledger.ts";

export function checkBudget(oracle: Checks, entry: Entry, cluster: string): void {
  const rank = entry.targets.findIndex((one) => one.cluster === cluster);
  const stage = newestOf(entry).stages.find((one) => inStageOf(one, rank));
  if (stage === undefined) return oracle.must(false, `${cluster}: its rank ${rank} is in no stage`);
  const others = entry.targets
    .slice(stage.from, stage.to)
    .filter((one) => one.cluster !== cluster && isOpen(oracle, one, entry.given.get(one.cluster)));
  const { maxUnavailable, maxConcurrent = Number.POSITIVE_INFINITY } = stage;
  const names = others.map((one) => one.cluster);
  const where = `release ${entry.release}, stage ${stage.name}: ${cluster} moves besides ${names.join(", ")}`;
  const ours = others.filter((one) => entry.given.get(one.cluster)?.isFree === false).length;
  if (entry.turns.get(cluster) === false)
    oracle.must(ours < maxUnavailable, `${where}, maxUnavailable is ${maxUnavailable}`);
  oracle.must(others.length < maxConcurrent, `${where}, maxConcurrent is ${maxConcurrent}`);
}

/**
 * The way back: whoever is healthy goes under the budget of the stage that was in force. One whose return fails is passed
 * by, or one broken cluster would keep all others on what was taken back.
 */
export function checkReturn(oracle: Checks, entry: Entry, cluster: string, since: number): void {
  const { back } = newestOf(entry);
  const rank = entry.back.findIndex((one) => one.cluster === cluster);
  if (back === undefined || rank === -1) return oracle.must(false, `${cluster}: goes back without a list`);
  const isFree = rank < back.failing || oracle.facts.wasUnhealthySince(cluster, since);
  const others = entry.back.filter((one) => {
    const given = entry.returned.get(one.cluster);
    if (one.cluster === cluster || given === undefined || given.isFree) return false;
    return isOpen(oracle, one, given) && !hasFailed(oracle, entry, one, given.at);
  });
  const names = others.map((one) => one.cluster).join(", ");
  oracle.checked.returns += 1;
  oracle.must(
    isFree || others.length < back.maxUnavailable,
    `release ${entry.release}: ${cluster} goes back besides ${names}, maxUnavailable is ${back.maxUnavailable}`,
  );
  entry.returned.set(cluster, { at: oracle.now(), isFree });
}

function isOpen(
  oracle: Checks,
  { cluster, generation }: { cluster: string; generation: number },
  given: Given | undefined,
): boolean {
  if (given === undefined || !oracle.isThere(cluster)) return false;
  return (
    oracle.facts.healthyAt(cluster, generation) === undefined &&
    !oracle.facts.wasSilentSince(cluster, given.at, SKEW_MS)
  );
}
