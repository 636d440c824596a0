/** What goes wrong in one seed. Each seed has its own mixture, so that some have one trouble alone and others have all. */
import type { Random } from "../kernel/random.ts";
import type { Rough } from "../kernel/loop.ts";

const MINUTE = 60_000;

export interface Weather {
  rough: Rough;
  /** Eventually consistent reads that are old. */
  old: number;
  stream: Delivery;
  bus: Delivery;
  /** Sweeps that never run. */
  sweepSkip: number;
  /** Functions run on machines whose clocks differ by up to this much (ms). */
  skewMs: number;
  /** That a cluster goes away at a poll, and for how long at most. */
  away: number;
  awayMsMax: number;
  /** That an agent starts anew at a poll. */
  restart: number;
  /** Clocks of clusters differ by up to this much (ms). */
  clusterSkewMs: number;
  reportTwice: number;
  reportLate: number;
  /** That what was healthy breaks at a poll, for a while. */
  flap: number;
  /** That somebody in a cluster says "not now" at a poll, or takes it back. */
  hold: number;
  /** That a gate is answered by anything but a yes. */
  doubt: number;
  /** Of ten contents, so many fail, are slow, or never become healthy on a given cluster. */
  bad: number;
}

export interface Delivery {
  drop: number;
  twice: number;
  shuffle: number;
  delayMsMax: number;
  /** That what failed is tried again. */
  retry: number;
}

const QUICK: Rough = { latencyMs: (random) => random.between(1, 20), crash: 0, again: 0 };

/** After the storm: nothing is lost any more, and every cluster does what it is told. */
export const CALM: Weather = {
  rough: QUICK,
  old: 0,
  stream: { drop: 0, twice: 0, shuffle: 0, delayMsMax: 500, retry: 1 },
  bus: { drop: 0, twice: 0, shuffle: 0, delayMsMax: 1_000, retry: 1 },
  sweepSkip: 0,
  skewMs: 0,
  away: 0,
  awayMsMax: 0,
  restart: 0,
  clusterSkewMs: 0,
  reportTwice: 0,
  reportLate: 0,
  flap: 0,
  hold: 0,
  doubt: 0,
  bad: 0,
};

export function weatherOf(random: Random): Weather {
  const some = (most: number): number => (random.chance(0.5) ? 0 : random.next() * most);
  const slow = some(0.05);
  const stuck = some(0.01);
  return {
    rough: {
      latencyMs: (of) => {
        if (of.chance(stuck)) return of.between(MINUTE, 6 * MINUTE);
        return of.chance(slow) ? of.between(500, 20_000) : of.between(1, 20);
      },
      crash: some(0.02),
      again: some(0.02),
    },
    old: some(0.5),
    stream: delivery(random, some),
    bus: delivery(random, some),
    sweepSkip: some(0.7),
    skewMs: Math.floor(some(2_000)),
    away: some(0.04),
    awayMsMax: random.pick([2, 15, 30]) * MINUTE,
    restart: some(0.05),
    clusterSkewMs: Math.floor(some(10 * MINUTE)),
    reportTwice: some(0.3),
    reportLate: some(0.2),
    flap: some(0.02),
    hold: some(0.03),
    doubt: some(0.5),
    bad: some(0.35),
  };
}

function delivery(random: Random, some: (most: number) => number): Delivery {
  return {
    drop: some(0.4),
    twice: some(0.3),
    shuffle: some(0.3),
    delayMsMax: random.pick([500, 5_000, 3 * MINUTE]),
    retry: random.next(),
  };
}
