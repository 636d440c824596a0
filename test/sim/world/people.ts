/** People: they commit, revert, edit the App, label clusters, and tell rollouts what comes to their minds. */
import type { CommandKind } from "#core/rollout.ts";
import { FLAVORS } from "./content.ts";
import type { Random } from "../kernel/random.ts";
import type { Features } from "./features.ts";

export const PEOPLE = ["user:ada", "user:eve", "user:bob"] as const;

export type Deed =
  | { kind: "commit" }
  | { kind: "edit" }
  | { kind: "delete"; by: string }
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

/** To an App besides the first. */
export function nextDeedTo(random: Random): Deed {
  const what = random.next();
  if (what < 0.2) return { kind: "edit" };
  if (what < 0.25) return { kind: "return", by: random.pick(PEOPLE) };
  return { kind: "tell", command: weighted(random, COMMANDS), by: random.pick(PEOPLE) };
}

/** What is done besides, each to one of the seed's Apps, in seeds that have several, or delete some. */
export function deedsBesides(
  { base, deletions }: Features,
  apps: readonly string[],
): { app: string; deed: Deed }[] {
  const [other] = apps;
  const deeds: { app: string; deed: Deed }[] = [];
  if (base !== undefined && other !== undefined && base.chance(0.6))
    deeds.push({ app: other, deed: nextDeedTo(base) });
  if (deletions?.chance(0.15) === true)
    deeds.push({
      app: deletions.pick(apps),
      deed: deletions.pick([{ kind: "delete", by: deletions.pick(PEOPLE) }, { kind: "edit" }] as const),
    });
  return deeds;
}

/** Which clusters an App besides the first is on. */
export function placeOf(random: Random): object {
  const matchLabels = random.pick([{}, { on: "yes" }, { on: "yes" }, { flavor: "plain" }]);
  return { matchLabels };
}

/** So little may vanish unasked that many a commit is above it. */
export function budgetOf(random: Random): object {
  return random.pick([{}, { deletes: 0 }, { deletes: 1 }, { deletes: 2, clusters: 0 }, { clusters: 1 }]);
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
export function rolloutSpec(random: Random): { stages: object[]; [option: string]: unknown } {
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

const patientGates = ["smoke", "load"].map((name) => ({
  ...gateOf(name),
  interval: "10s",
  maxFailures: 9,
  maxInconclusive: 9,
  timeout: "1h",
}));

/** Where gates are slow, most stages have some, which are asked again and again. */
export function withMoreGates(spec: { stages: object[] }, late: Random | undefined): object {
  if (late === undefined) return spec;
  const stages = spec.stages.map((stage) => (late.chance(0.6) ? { ...stage, gates: patientGates } : stage));
  return { ...spec, stages };
}

/** They come so often that they matter within minutes, and always leave some that are open. */
function windowsOf(random: Random): object[] {
  const allow = { allow: "*/10 * * * *", for: random.pick(["2m", "4m", "7m"]) };
  const deny = { deny: random.pick(["*/15 * * * *", "*/20 * * * *"]), for: random.pick(["1m", "5m"]) };
  return random.pick([[], [allow], [deny], [allow, deny]]);
}

function gateOf(name: string): object {
  return { name, webhook: { url: `https://ci.example.com/${name}`, credentials: "key" } };
}

function gatesOf(random: Random): object[] {
  const gate = (name: string): object => ({
    ...gateOf(name),
    interval: random.pick(["10s", "1m"]),
    maxFailures: random.pick([1, 2]),
    maxInconclusive: random.pick([1, 3]),
    timeout: random.pick(["5m", "1h"]),
  });
  return random.pick([[gate("smoke")], [gate("smoke"), gate("load")]]);
}
