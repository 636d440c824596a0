/** One seed from its first commit to its end: a storm, then calm, then people who answer what the rollout waits for. */
import "./kernel/still.ts";
import { Random } from "./kernel/random.ts";
import { endOf, type Answer, type End } from "./oracle/end.ts";
import { Oracle } from "./oracle/oracle.ts";
import type { WorldApp } from "./world/app.ts";
import { deedsBesides, nextDeed } from "./world/people.ts";
import { CALM } from "./world/weather.ts";
import { BASE, ofApp, World, type Seams } from "./world/world.ts";

const MINUTE = 60_000;
/** Sweeps until everything has to be over, or wait for people; the longest soaks and deadlines fit in. */
const CALM_SWEEPS_MAX = 400;

export type Outcome =
  | { kind: "held"; checked: Oracle["checked"]; releases: number }
  | { kind: "broken"; what: string; story: readonly string[] };

export async function runSeed(seed: string, seams: Seams = {}): Promise<Outcome> {
  const world = new World(seed, seams);
  const oracles = oraclesOf(world);
  const random = new Random(`${seed}/people`);
  const trouble = (): string | undefined =>
    oracles.find(({ broken }) => broken !== undefined)?.broken?.message ?? errorOf(world);
  const stop = (): boolean => trouble() !== undefined;
  await world.open();
  await storm(world, random, stop);
  const end = stop() ? undefined : await calm(world, stop);
  const what = trouble() ?? end;
  if (what !== undefined) return { kind: "broken", what, story: world.story };
  const sum = (count: (oracle: Oracle) => number): number =>
    oracles.reduce((all, oracle) => all + count(oracle), 0);
  const checked = {
    assignments: sum((oracle) => oracle.checked.assignments),
    gates: sum((oracle) => oracle.checked.gates),
    returns: sum((oracle) => oracle.checked.returns),
  };
  return { kind: "held", checked, releases: sum(({ entries }) => entries.size) };
}

/** One for each App; that of an App comes after those of the Apps that it depends on. */
function oraclesOf(world: World): Oracle[] {
  const oracles: Oracle[] = [];
  for (const app of world.apps.values()) oracles.push(new Oracle(world, app, oracles[0]));
  return oracles;
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
    for (const { app, deed } of deedsBesides(world.features, [...world.apps.keys()]))
      if (!stop()) await world.do(deed, app);
  }
}

/** Undefined: it came to its end. */
async function calm(world: World, stop: () => boolean): Promise<string | undefined> {
  world.tell("calm");
  world.weather = CALM;
  world.loop.rough = CALM.rough;
  for (const agent of world.agents.values()) agent.awayUntil = 0;
  let why = "";
  for (let sweep = 0; sweep < CALM_SWEEPS_MAX * world.apps.size; sweep += 1) {
    await world.loop.run(world.now() + MINUTE, stop);
    if (stop()) return undefined;
    const ends = await endsOf(world);
    if (ends.length === 0) return undefined;
    why = ends.map(({ words }) => words).join("; ");
    // What was begun in the storm may still be under way.
    if (sweep >= 10) for (const { app, end } of ends) if (end.kind === "waits") await answer(world, app, end);
  }
  why = `no end after ${CALM_SWEEPS_MAX * world.apps.size} sweeps: ${why}`;
  world.tell(why);
  return why;
}

/** Of the Apps that have not come to theirs. */
async function endsOf(world: World): Promise<{ app: WorldApp; end: End; words: string }[]> {
  const ends = [];
  for (const app of world.apps.values()) {
    const end = await endOf(world, app.name);
    if (end.kind === "there") continue;
    const why = end.kind === "waits" ? `release ${end.release} waits for ${end.for}` : end.why;
    ends.push({ app, end, words: `${why}${ofApp(app.name)}` });
  }
  return ends;
}

async function answer(world: World, app: WorldApp, end: { for: Answer; release: number }): Promise<void> {
  // Whoever asked for the release may not approve it.
  const by = end.for === "approve" && app.told.at(-1)?.by === "user:eve" ? "user:bob" : "user:eve";
  if (end.for !== "release") return app.tellRelease(end.release, end.for, by);
  const fresh = world.commits.length + 1;
  await world.commit({ plain: fresh, spicy: fresh, ...(world.apps.has(BASE) ? { base: fresh } : {}) });
}
