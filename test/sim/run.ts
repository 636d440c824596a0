/** One seed from its first commit to its end: a storm, then calm, then people who answer what the rollout waits for. */
import "./kernel/still.ts";
import { Random } from "./kernel/random.ts";
import { endOf, type Answer } from "./oracle/end.ts";
import { Oracle } from "./oracle/oracle.ts";
import { nextDeed } from "./world/people.ts";
import { CALM } from "./world/weather.ts";
import { World, type Seams } from "./world/world.ts";

const MINUTE = 60_000;
/** Sweeps until everything has to be over, or wait for people; the longest soaks and deadlines fit in. */
const CALM_SWEEPS_MAX = 400;

export type Outcome =
  | { kind: "held"; checked: Oracle["checked"]; releases: number }
  | { kind: "broken"; what: string; story: readonly string[] };

export async function runSeed(seed: string, seams: Seams = {}): Promise<Outcome> {
  const world = new World(seed, seams);
  const oracle = new Oracle(world);
  const random = new Random(`${seed}/people`);
  const trouble = (): string | undefined => oracle.broken?.message ?? errorOf(world);
  const stop = (): boolean => trouble() !== undefined;
  await world.open();
  await storm(world, random, stop);
  const end = stop() ? undefined : await calm(world, stop);
  const what = trouble() ?? end;
  if (what !== undefined) return { kind: "broken", what, story: world.story };
  return { kind: "held", checked: oracle.checked, releases: oracle.entries.size };
}

function errorOf({ loop }: World): string | undefined {
  const [error] = loop.errors;
  return error === undefined ? undefined : `a function threw: ${error.stack ?? error.message}`;
}

async function storm(world: World, random: Random, stop: () => boolean): Promise<void> {
  const until = world.now() + random.between(20, 80) * MINUTE;
  const everyMs = random.pick([2, 5, 10]) * MINUTE;
  while (world.now() < until && !stop()) {
    await world.loop.run(world.now() + random.between(1, 2 * everyMs), stop);
    if (!stop()) await world.do(nextDeed(random));
  }
}

/** Undefined: it came to its end. */
async function calm(world: World, stop: () => boolean): Promise<string | undefined> {
  world.tell("calm");
  world.weather = CALM;
  world.loop.rough = CALM.rough;
  for (const agent of world.agents.values()) agent.awayUntil = 0;
  let why = "";
  for (let sweep = 0; sweep < CALM_SWEEPS_MAX; sweep += 1) {
    await world.loop.run(world.now() + MINUTE, stop);
    if (stop()) return undefined;
    const end = await endOf(world);
    if (end.kind === "there") return undefined;
    why = end.kind === "waits" ? `release ${end.release} waits for ${end.for}` : end.why;
    // What was begun in the storm may still be under way.
    if (end.kind === "waits" && sweep >= 10) await answer(world, end);
  }
  world.tell(`no end after ${CALM_SWEEPS_MAX} sweeps: ${why}`);
  return `no end after ${CALM_SWEEPS_MAX} sweeps: ${why}`;
}

async function answer(world: World, end: { for: Answer; release: number }): Promise<void> {
  // Whoever asked for the release may not approve it.
  const by = end.for === "approve" && world.told.at(-1)?.by === "user:eve" ? "user:bob" : "user:eve";
  if (end.for !== "release") return world.tellRelease(end.release, end.for, by);
  const fresh = world.commits.length + 1;
  await world.commit({ plain: fresh, spicy: fresh });
}
