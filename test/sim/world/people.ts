/** People: they commit, revert, edit the App, label clusters, and tell rollouts what comes to their minds. */
import type { CommandKind } from "#core/rollout.ts";
import { FLAVORS } from "./content.ts";
import type { Random } from "../kernel/random.ts";

export const PEOPLE = ["user:ada", "user:eve", "user:bob"] as const;

export type Deed =
  | { kind: "commit" }
  | { kind: "edit" }
  | { kind: "label"; labels: Record<string, string> }
  | { kind: "join" }
  | { kind: "leave" }
  /** To what one of the releases before gave. */
  | { kind: "return"; by: string }
  /** For so long; 0 lifts it. */
  | { kind: "hold"; ms: number; by: string }
  | { kind: "tell"; command: CommandKind; by: string };

/** So often each, in ten thousand. */
const COMMANDS: readonly [CommandKind, number][] = [
  ["approve", 12],
  ["resume", 6],
  ["pause", 3],
  ["retry", 3],
  ["skip-stage", 2],
  ["unpin", 2],
  ["rollback", 2],
  ["reject", 1],
  ["abort", 1],
];

export function nextDeed(random: Random): Deed {
  const what = random.next();
  if (what < 0.2) return { kind: "commit" };
  if (what < 0.26) return { kind: "edit" };
  if (what < 0.36) return { kind: "label", labels: labelsOf(random) };
  if (what < 0.39) return { kind: "join" };
  if (what < 0.41) return { kind: "leave" };
  if (what < 0.47) return { kind: "hold", ms: random.pick([0, 2, 10, 30]) * 60_000, by: random.pick(PEOPLE) };
  if (what < 0.49) return { kind: "return", by: random.pick(PEOPLE) };
  return { kind: "tell", command: weighted(random, COMMANDS), by: random.pick(PEOPLE) };
}

function weighted<T>(random: Random, list: readonly [T, number][]): T {
  const whole = list.flatMap(([one, weight]) => Array.from({ length: weight }, () => one));
  return random.pick(whole);
}

/** `on`: whether the App wants it. */
export function labelsOf(random: Random): Record<string, string> {
  return {
    ring: String(random.between(0, 3)),
    flavor: random.pick(FLAVORS),
    on: random.chance(0.85) ? "yes" : "no",
  };
}

/** An App's rollout, with anything that its schema allows. New options of stages are tried by being added here. */
export function rolloutSpec(random: Random): object {
  const count = (): number | string => random.pick([1, 1, 2, 3, "25%", "50%", "100%"]);
  const maybe = (probability: number, field: object): object => (random.chance(probability) ? field : {});
  const stages = Array.from({ length: random.between(0, 4) }, (_, index) => ({
    name: `s${index}`,
    clusters: { matchLabels: { ring: String(index) } },
    ...maybe(0.7, { maxUnavailable: count() }),
    ...maybe(0.3, { maxConcurrent: count() }),
    ...maybe(0.4, { soak: random.pick(["30s", "3m", "10m"]) }),
    ...maybe(0.25, { approval: random.pick(["before", "after"]) }),
    ...maybe(0.15, { windows: windowsOf(random) }),
    ...maybe(0.2, { gates: gatesOf(random) }),
  }));
  return {
    stages,
    maxUnavailable: count(),
    maxFailures: random.pick([1, 1, 2, "50%"]),
    onFailure: random.pick(["halt", "rollback"]),
    supersede: random.pick(["replace", "queue"]),
    progressDeadline: random.pick(["2m", "5m", "15m"]),
    ...maybe(0.15, { windows: windowsOf(random) }),
  };
}

/** They come so often that they matter within minutes, and always leave some that are open. */
function windowsOf(random: Random): object[] {
  const allow = { allow: "*/10 * * * *", for: random.pick(["2m", "4m", "7m"]) };
  const deny = { deny: random.pick(["*/15 * * * *", "*/20 * * * *"]), for: random.pick(["1m", "5m"]) };
  return random.pick([[], [allow], [deny], [allow, deny]]);
}

function gatesOf(random: Random): object[] {
  const gate = (name: string): object => ({
    name,
    webhook: { url: `https://ci.example.com/${name}`, credentials: "key" },
    interval: random.pick(["10s", "1m"]),
    maxFailures: random.pick([1, 2]),
    maxInconclusive: random.pick([1, 3]),
    timeout: random.pick(["5m", "1h"]),
  });
  return random.pick([[gate("smoke")], [gate("smoke"), gate("load")]]);
}
