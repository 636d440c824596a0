/**
 * What is known of the gates of the stage in force: who is asked when, which answers count, and when they are enough. An
 * answer counts for the very attempt that it was asked for; what a crash swallowed is asked for again under its number.
 */
import { durationMs } from "../duration.ts";
import { isWatched, type Gate, type Verdict } from "../gate.ts";
import { sentence } from "../text.ts";
import type { GateRun, Rollout, Stage } from "./state.ts";

/** Longer than a judge takes: two of them for one attempt do no harm, and are not meant. */
const ASK_AGAIN_MS = 90_000;
const BACKOFF_MS_MAX = 15 * 60_000;
const EVIDENCE_CHARS_MAX = 200;

export type Judged =
  | { kind: "passed" }
  | { kind: "waiting" }
  /** `failed`: it said no. Otherwise nothing was learned for too long. */
  | { kind: "broken"; gate: string; failed: boolean; reason: string };

/** Of these gates `rollout.gates` has the runs of this stage, and of no other. */
export function askGates(rollout: Rollout, stage: Stage, now: number, soaked: boolean): Rollout {
  let { attempts } = rollout;
  const gates = (stage.gates ?? []).flatMap((gate): GateRun[] => {
    const run = runOf(rollout, stage, gate);
    if (!isDue(gate, run, now, soaked)) return run === undefined ? [] : [run];
    if (run?.asked === undefined || run.asked.soaked !== soaked) attempts += 1;
    const attempt = run?.asked?.soaked === soaked ? run.attempt : attempts;
    return [asked(run ?? freshRun(stage, gate), attempt, now, soaked)];
  });
  return { ...rollout, attempts, gates };
}

function freshRun(stage: Stage, gate: Gate): GateRun {
  return { stage: stage.name, gate: gate.name, attempt: 0, failures: 0, inconclusive: 0 };
}

function asked(run: GateRun, attempt: number, now: number, soaked: boolean): GateRun {
  const since = soaked ? { since: run.since ?? now } : {};
  return { ...run, attempt, asked: { at: now, soaked }, ...since };
}

function isDue(gate: Gate, run: GateRun | undefined, now: number, soaked: boolean): boolean {
  if (!soaked && !isWatched(gate)) return false;
  if (run === undefined) return true;
  if (run.asked !== undefined) return now - run.asked.at >= ASK_AGAIN_MS;
  const { told } = run;
  if (told === undefined || told.soaked !== soaked) return true;
  // A yes that is no sample holds.
  if (told.kind === "pass" && !isWatched(gate)) return false;
  return now - told.at >= pauseMs(gate, run);
}

/** A server of somebody else's that does not answer is left alone for longer each time. */
function pauseMs({ interval, webhook }: Gate, { inconclusive }: GateRun): number {
  const ms = durationMs(interval);
  if (webhook === undefined || inconclusive < 2) return ms;
  return Math.max(ms, Math.min(BACKOFF_MS_MAX, ms * 2 ** Math.min(inconclusive - 1, 10)));
}

export function judgeGates(rollout: Rollout, stage: Stage, now: number): Judged {
  const pairs = (stage.gates ?? []).map((gate) => ({ gate, run: runOf(rollout, stage, gate) }));
  const broken = pairs.flatMap(({ gate, run }) => (run === undefined ? [] : brokenOf(gate, run, now)));
  const first = broken.find(({ failed }) => failed) ?? broken[0];
  if (first !== undefined)
    return { ...first, reason: sentence(`gate ${first.gate} of stage ${stage.name} ${first.reason}`) };
  return pairs.every(({ gate, run }) => run !== undefined && hasPassed(gate, run))
    ? { kind: "passed" }
    : { kind: "waiting" };
}

function brokenOf(gate: Gate, run: GateRun, now: number): Extract<Judged, { kind: "broken" }>[] {
  const broken = (failed: boolean, how: string) => [
    {
      kind: "broken" as const,
      gate: gate.name,
      failed,
      reason: `${how}: ${run.told?.message ?? "no answer"}`,
    },
  ];
  if (run.failures >= gate.maxFailures) return broken(true, "failed");
  if (run.inconclusive >= gate.maxInconclusive)
    return broken(false, `said neither yes nor no ${run.inconclusive} times`);
  const isLate = run.since !== undefined && now - run.since >= durationMs(gate.timeout);
  return isLate && !hasPassed(gate, run) ? broken(false, `did not pass within ${gate.timeout}`) : [];
}

/** A yes from before the end of the soak is none. */
function hasPassed({ prometheus }: Gate, { told, passingSince }: GateRun): boolean {
  if (told?.kind !== "pass" || !told.soaked) return false;
  const forMs = prometheus?.for === undefined ? 0 : durationMs(prometheus.for);
  return told.at - (passingSince ?? told.at) >= forMs;
}

interface Answer {
  gate: string;
  attempt: number;
  verdict: Verdict;
}

/** Undefined where nobody waits for it any more: another attempt, another stage, a rollout that stands still or is over. */
export function takeVerdict(
  rollout: Rollout,
  { gate, attempt, verdict }: Answer,
  now: number,
): Rollout | undefined {
  if (waitingGate(rollout, gate, attempt) === undefined) return undefined;
  return {
    ...rollout,
    gates: rollout.gates.map((run) => (run.gate === gate ? told(run, verdict, now) : run)),
  };
}

/** The gate that is asked for under this number; undefined: nobody waits for an answer. */
export function waitingGate(rollout: Rollout, name: string, attempt: number): Gate | undefined {
  const { state } = rollout;
  const stage = rollout.stages[rollout.stage];
  const kind = state.kind === "running" ? state.step?.kind : undefined;
  if (stage === undefined || (kind !== "soaking" && kind !== "gates")) return undefined;
  const gate = stage.gates?.find((one) => one.name === name);
  const run = gate === undefined ? undefined : runOf(rollout, stage, gate);
  return run?.asked !== undefined && run.attempt === attempt ? gate : undefined;
}

/** What taught nothing takes no failure back. */
function told({ asked: ask, passingSince, ...run }: GateRun, verdict: Verdict, now: number): GateRun {
  const { kind } = verdict;
  const failures = kind === "fail" ? run.failures + 1 : kind === "inconclusive" ? run.failures : 0;
  return {
    ...run,
    failures,
    inconclusive: kind === "inconclusive" ? run.inconclusive + 1 : 0,
    ...(kind === "pass" ? { passingSince: passingSince ?? now } : {}),
    told: {
      ...verdict,
      message: sentence(verdict.message, EVIDENCE_CHARS_MAX),
      at: now,
      soaked: ask?.soaked ?? false,
    },
  };
}

function runOf({ gates }: Rollout, stage: Stage, { name }: Gate): GateRun | undefined {
  return gates.find((run) => run.gate === name && run.stage === stage.name);
}

/** Runs that were asked for, or asked for again, by the change from `was` to `after`. */
export function askedGates(was: Rollout | undefined, after: Rollout): GateRun[] {
  return after.gates.filter(({ gate, attempt, asked: ask }) => {
    const before = was?.gates.find((one) => one.gate === gate && one.attempt === attempt);
    return ask !== undefined && before?.asked?.at !== ask.at;
  });
}

const WORDS = {
  pass: "passes",
  fail: "fails",
  wait: "says to wait",
  inconclusive: "is inconclusive",
} as const;

/** `errors fails: 0.07 is above 0.05`. */
export function runWords({ gate, told: last }: GateRun): string {
  return last === undefined ? `${gate} has not answered yet` : `${gate} ${WORDS[last.kind]}: ${last.message}`;
}

/** Of the gates that the stage in force waits for. */
export function waitingWords(rollout: Rollout): string {
  const stage = rollout.stages[rollout.stage];
  const open = (stage?.gates ?? []).flatMap((gate) => {
    const run = stage === undefined ? undefined : runOf(rollout, stage, gate);
    if (run === undefined) return [`${gate.name} has not answered yet`];
    return hasPassed(gate, run) ? [] : [runWords(run)];
  });
  return sentence(open.join("; "));
}
