/**
 * The bill of 1,000 clusters with 10 Apps each, simulated: what one poll, heartbeat, fetch, sweep and rollout uses is counted on
 * the product's own functions, how often it comes is arithmetic, and prices are AWS's lists (`core/prices.ts`). Where
 * something cannot be counted here, it is bounded from above, and said so (`docs/cost.md`).
 */
import { HEARTBEAT_MS, POLL_IDLE_MS_DEFAULT, UNCONDITIONAL_FETCH_MS } from "#core/limits.ts";
import { measureCosts } from "../support/costs.ts";
import { measureDay, type DayCosts, type Work } from "../support/day-costs.ts";
import { rolloutCosts, totalOf } from "../support/rollout-costs.ts";
import { FLUSH_MS } from "../../functions/meter/meter.ts";
import { SWEEP_ALL_MS } from "../../functions/release/sweep-apps.ts";
import { PRICES } from "#core/prices.ts";

const CLUSTERS = 1_000;
const APPS = 10;
const ROLLOUTS_PER_DAY = 10;
/** All are registered; so many have placements, by which the drift audit is counted up. A rollout's units are flat anyway. */
const ASSIGNED = 100;
/** Between two sweeps of all Apps, of those that are due each minute. */
const SWEEP_ALL_S = SWEEP_ALL_MS / 1000;
const MONTH_S = 30 * 86_400;
const GB = 1e9;

const SMALL_GB = 0.5;
/** A function with 512 MB has this share of a processor; with more it has more, which is not counted for it. */
const SLOWER = 1769 / 512;
/** One call of the table, from inside the region; above what AWS tells of (single digits). */
const CALL_MS = 5;
/** Looking at Git: bounded, not counted. */
const LOOK_MS_MAX = 2_000;
const HEADERS_BYTES_MAX = 600;
const BUNDLE_BYTES_MAX = 20_000;
/** What the hub itself logs: a line for each refusal or failure, none for a poll. Bounded for the whole hub, a day. */
const LOG_BYTES_PER_DAY_MAX = 10e6;
/** Instances of functions that write down their counts every five minutes. */
const METERED_MAX = 20;
const CONTENT_GB_MAX = 5;
const TABLE_BYTES_PER_PLACEMENT_MAX = 4_000;

type Bill = Record<string, number>;

export async function benchCost(): Promise<Record<string, string>> {
  const day = scaled(await measureDay(CLUSTERS, APPS, { assigned: ASSIGNED }));
  const { idleAnswerBytes } = await measureCosts();
  const [rollout] = await rolloutCosts(ASSIGNED, ["10%"]);
  if (rollout === undefined) throw new Error("no rollout was counted");
  const idle = idleBill(day, idleAnswerBytes, POLL_IDLE_MS_DEFAULT);
  const fast = idleBill(day, idleAnswerBytes, 5_000);
  const moved = rolloutBill(totalOf(rollout), day);
  const perDay = sumOf(idle) + (sumOf(moved) * ROLLOUTS_PER_DAY * MONTH_S) / 86_400;
  return {
    prices: `${PRICES.region}, ${PRICES.date}, no free tier`,
    "counted: one poll": words(day.poll),
    "counted: one fetch with all Apps assigned": `${words(day.fetch)}, ${day.fetchBytes} bytes`,
    "counted: one sweep of rollouts": words(day.sweepRollouts),
    "counted: one sweep of Apps that are due, of all": `${words(day.sweepApps)}; ${words(day.sweepAllApps)}`,
    "counted: one sweep of Promotions": words(day.sweepPromotions),
    "counted up: one drift audit": words(day.driftAudit),
    "lines logged for all polls": String(day.logLines),
    ...told("idle cluster-month", idle),
    [`idle cluster-month, polls every ${POLL_IDLE_MS_DEFAULT / 1000} s`]: verdict(sumOf(idle), 0.03),
    "idle cluster-month, polls every 5 s": `$${sumOf(fast).toFixed(4)}`,
    ...told("one rollout, one cluster", moved),
    "one rollout, one cluster": verdict(sumOf(moved), 0.001),
    [`cluster-month with ${ROLLOUTS_PER_DAY} rollouts a day over all clusters`]: `$${perDay.toFixed(4)}`,
  };
}

/** To placements of the whole fleet, as if nothing of an audit were there for any number of them. */
function scaled(day: DayCosts): DayCosts {
  const by = CLUSTERS / ASSIGNED;
  const { reads, writes, calls, cpuMs } = day.driftAudit;
  return {
    ...day,
    driftAudit: { reads: reads * by, writes: writes * by, calls: calls * by, cpuMs: cpuMs * by },
  };
}

/** Of one cluster in a month; what the hub does once for all is shared. */
function idleBill(day: DayCosts, pollBytes: number, pollMs: number): Bill {
  const polls = MONTH_S / (pollMs / 1000);
  const beats = MONTH_S / (HEARTBEAT_MS / 1000);
  const fetches = MONTH_S / (UNCONDITIONAL_FETCH_MS / 1000);
  const minutes = MONTH_S / 60;
  const hours = MONTH_S / 3600;
  const shared = (cost: number): number => cost / CLUSTERS;
  // What a fetch without a tag would bring, the agent has.
  const out = polls * pollBytes + fetches * HEADERS_BYTES_MAX;
  return {
    "polls: calls of the function": polls * PRICES.lambdaRequest,
    "polls: its time": polls * timeOf(day.poll, SMALL_GB),
    "polls: reads": polls * unitsOf(day.poll),
    heartbeats: beats * unitsOf(day.heartbeat),
    "fetches without a tag": fetches * (unitsOf(day.fetch) + timeOf(day.fetch, SMALL_GB)),
    "bytes out": (out / GB) * PRICES.outGb,
    "sweep of rollouts, each minute": shared(
      minutes * (called(day.sweepRollouts, SMALL_GB) + PRICES.schedule),
    ),
    "sweep of Apps that are due, each minute": shared(minutes * (called(day.sweepApps, 2) + PRICES.schedule)),
    "sweep of all Apps, every ten minutes": shared((MONTH_S / SWEEP_ALL_S) * called(day.sweepAllApps, 2)),
    "sweep of Promotions, each minute": shared(minutes * (called(day.sweepPromotions, 1) + PRICES.schedule)),
    "looking at sources, each minute": shared(
      minutes * (PRICES.lambdaRequest + PRICES.schedule + (LOOK_MS_MAX / 1000) * PRICES.lambdaGbSecond),
    ),
    "drift audits": shared(hours * (called(day.driftAudit, SMALL_GB) + PRICES.schedule + PRICES.s3Put)),
    "storage of table and objects": shared(storage()),
    "garbage collection": shared(30 * CLUSTERS * PRICES.s3Put),
    "the hub's own meter": shared(METERED_MAX * (MONTH_S / (FLUSH_MS / 1000)) * PRICES.writeUnit),
    "the signing key": shared(PRICES.kmsKeyMonth),
    logs: shared(((30 * LOG_BYTES_PER_DAY_MAX) / GB) * PRICES.logGb),
  };
}

function storage(): number {
  const tableGb = (CLUSTERS * APPS * TABLE_BYTES_PER_PLACEMENT_MAX) / GB;
  return tableGb * (PRICES.tableGbMonth + PRICES.tableBackupGbMonth) + CONTENT_GB_MAX * PRICES.s3GbMonth;
}

/** Records of the table's stream for one placement, each taken for a call of both followers: batches are not counted on. */
const STREAM_CALLS_MAX = 16;
const STREAM_CALL_MS_MAX = 50;
/** Fetch of the list, of the bundle, and what the agent tells until it is healthy. */
const AGENT_CALLS_MAX = 6;
/** Read, render, sign: of the whole rollout, with 2 GB. */
const RELEASE_S_MAX = 120;

function rolloutBill(units: number, day: DayCosts): Bill {
  const perCall = PRICES.lambdaRequest + (STREAM_CALL_MS_MAX / 1000) * SMALL_GB * PRICES.lambdaGbSecond;
  const asked = called(day.fetch, SMALL_GB) + PRICES.writeUnit;
  return {
    // Reads among them are taken for writes, which cost five times as much.
    "units of the table": units * PRICES.writeUnit,
    "the agent's requests": AGENT_CALLS_MAX * asked,
    "followers of the stream": STREAM_CALLS_MAX * perCall,
    "events of the bus, one for each cluster": PRICES.busEvent + perCall,
    "the release, shared": (RELEASE_S_MAX * 2 * PRICES.lambdaGbSecond) / CLUSTERS,
    // A second one where it goes back.
    "the statement's signature": PRICES.kmsSign,
    "objects put and read": PRICES.s3Put + 2 * PRICES.s3Get,
    "bytes out":
      ((BUNDLE_BYTES_MAX + AGENT_CALLS_MAX * (HEADERS_BYTES_MAX + day.fetchBytes)) / GB) * PRICES.outGb,
  };
}

const unitsOf = ({ reads, writes }: Work): number => reads * PRICES.readUnit + writes * PRICES.writeUnit;

/** What is billed for the time of a call: its processor's share, and each call of the table waited for in turn. */
function timeOf({ calls, cpuMs }: Work, memoryGb: number): number {
  const ms = Math.ceil(cpuMs * SLOWER + calls * CALL_MS);
  return (ms / 1000) * memoryGb * PRICES.lambdaGbSecond;
}

function called(work: Work, memoryGb: number): number {
  return PRICES.lambdaRequest + timeOf(work, memoryGb) + unitsOf(work);
}

function words({ reads, writes, calls, cpuMs }: Work): string {
  return `${calls.toFixed(0)} calls, ${reads.toFixed(1)} read and ${writes.toFixed(1)} write units, ${cpuMs.toFixed(1)} ms of processor`;
}

function told(what: string, bill: Bill): Record<string, string> {
  const items = Object.entries(bill).toSorted(([, a], [, b]) => b - a);
  return Object.fromEntries(items.map(([item, cost]) => [`${what}: ${item}`, `$${cost.toFixed(6)}`]));
}

function verdict(cost: number, most: number): string {
  return `$${cost.toFixed(5)}, at most $${most}${cost > most ? ": OVER" : ""}`;
}

function sumOf(bill: Bill): number {
  return Object.values(bill).reduce((sum, cost) => sum + cost, 0);
}
