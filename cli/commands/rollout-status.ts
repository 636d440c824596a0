/**
 * `fairlead rollout status APP`: how the rollout of a release stands, and with --wait, how it ended. The exit code
 * is the verdict, so a pipeline can go on: `git push && fairlead rollout status shop --wait --commit $(git rev-parse HEAD)`.
 */
import { buildCommand } from "@stricli/core";
import { placementStanding, rolloutStanding, doneOf } from "#core/fleet.ts";
import { stateWords, type RolloutState } from "#core/rollout.ts";
import { sentence } from "#core/text.ts";
import {
  appViewSchema,
  listOf,
  placementViewSchema,
  releaseSchema,
  rolloutSchema,
  type PlacementView,
} from "#core/view.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT, HubAway } from "../errors.ts";
import { hubFlags, parseCount, parseTime } from "../flags.ts";
import type { Context, Io } from "../io.ts";
import { paint, printTable, shortCommit, subject } from "../print.ts";
import { progressLine, type ProgressLine } from "../progress.ts";
import { judge, type Judged, type Seen, type Wish } from "../rollout-seen.ts";
import { gateTable, placementTable } from "../tables.ts";

const ASK_EVERY_MS = 1_000;
const COMMIT = /^[0-9a-f]{7,40}$/i;

interface Flags extends HubFlags {
  wait: boolean;
  timeout: number;
  release?: number | undefined;
  commit?: string | undefined;
}

export const rolloutStatus = buildCommand<Flags, [string], Context>({
  async func(flags, app) {
    const wish = wishOf(flags);
    const hub = await connect(flags, this.io);
    // The first look fails at once where something is wrong with the question; later ones may find the hub away.
    const first = judge(await see(hub, app), wish);
    const judged = flags.wait && isMoving(first) ? await wait(hub, app, wish, flags.timeout, this.io) : first;
    this.exitCode = await tell(hub, app, judged, flags.wait, this.io);
  },
  parameters: {
    flags: {
      ...hubFlags,
      wait: {
        kind: "boolean",
        default: false,
        brief: "until it has succeeded (exit 0), halted, gone back or failed (1), or the time is up (124)",
      },
      timeout: {
        kind: "parsed",
        parse: parseTime,
        default: "5m",
        placeholder: "5m",
        brief: "the longest wait",
      },
      release: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        placeholder: "N",
        brief: "this release instead of the newest",
      },
      commit: {
        kind: "parsed",
        parse: parseCommit,
        optional: true,
        placeholder: "SHA",
        brief: "the release that this commit made or will make",
      },
    },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "app", brief: "its name" }] },
  },
  docs: {
    brief: "Say how an App's rollout stands; with --wait, how it ended",
    fullDescription:
      "Exit codes: 0 succeeded (or, without --wait, still moving); 1 halted, gone back, aborted, superseded, or the commit made no release; 2 wrong usage; 124 the time of --wait is up.",
    customUsage: ["shop", "shop --wait", "shop --wait --commit $(git rev-parse HEAD)"],
  },
});

function parseCommit(text: string): string {
  if (!COMMIT.test(text)) throw new Error("must be a commit id of 7 to 40 hex digits");
  return text.toLowerCase();
}

function wishOf({ release, commit }: Flags): Wish {
  if (release !== undefined && commit !== undefined)
    throw new CliError("--release and --commit ask for two things", "give one of them", EXIT.usage);
  if (commit !== undefined) return { kind: "commit", commit };
  return release === undefined ? { kind: "newest" } : { kind: "release", release };
}

/** The App is read first: a release that is made meanwhile is then in the list, and never the other way round. */
async function see(hub: Hub, name: string): Promise<Seen> {
  const app = await hub.read(["apps", name], appViewSchema);
  const { items: releases } = await hub.read(["apps", name, "releases"], listOf(releaseSchema));
  const { items: rollouts } = await hub.read(["apps", name, "rollouts"], listOf(rolloutSchema));
  return { app, releases, rollouts };
}

/** What ends by itself, or by somebody else's yes. */
const MOVES: ReadonlySet<RolloutState["kind"]> = new Set([
  "withheld",
  "pending",
  "running",
  "paused",
  "rolling-back",
]);

function isMoving(judged: Judged): boolean {
  return judged.kind === "waiting" || (judged.kind === "found" && MOVES.has(judged.rollout.state.kind));
}

async function wait(hub: Hub, app: string, wish: Wish, timeoutMs: number, io: Io): Promise<Judged> {
  const since = io.now();
  const progress = progressLine(io.stderr);
  let last = "";
  try {
    while (io.now() - since < timeoutMs) {
      const judged = await look(hub, app, wish);
      if (typeof judged !== "string" && !isMoving(judged)) return judged;
      last = typeof judged === "string" ? judged : await movingWords(hub, app, judged);
      tellProgress(progress, `${app}: ${last}`, since, io);
      await io.sleep(ASK_EVERY_MS);
    }
  } finally {
    progress.end();
  }
  const seconds = Math.round(timeoutMs / 1000);
  throw new CliError(
    `${app}: not done within ${seconds} s: ${last}`,
    "give it longer with --timeout; `fairlead get` shows what it waits for",
    EXIT.timeout,
  );
}

/** A hub that restarts while we wait is a line of progress, not an end. */
async function look(hub: Hub, app: string, wish: Wish): Promise<Judged | string> {
  try {
    return judge(await see(hub, app), wish);
  } catch (error) {
    if (error instanceof HubAway) return error.message;
    throw error;
  }
}

async function movingWords(hub: Hub, app: string, judged: Judged): Promise<string> {
  if (judged.kind !== "found") return judged.kind === "waiting" ? judged.why : judged.message;
  const { rollout } = judged;
  const done = doneOf(rollout, await placementsOf(hub, app).catch(ignoreAway));
  const how = rolloutStanding(rollout).word;
  const waits = how === "running" ? "" : `, ${stateWords(rollout)}`;
  return `release ${rollout.release} (${shortCommit(rollout.commit)}) ${how}, ${done} of ${rollout.total} clusters${waits}`;
}

/** The count is one of the front ranks then: less exact, and said again a second later. */
function ignoreAway(error: unknown): PlacementView[] {
  if (error instanceof HubAway) return [];
  throw error;
}

async function placementsOf(hub: Hub, app: string): Promise<PlacementView[]> {
  return hub.list(["apps", app, "placements"], placementViewSchema);
}

function tellProgress(progress: ProgressLine, text: string, since: number, io: Io): void {
  progress.tell(text, Math.round((io.now() - since) / 1000));
}

async function tell(hub: Hub, app: string, judged: Judged, waited: boolean, io: Io): Promise<number> {
  if (judged.kind === "refused") throw new CliError(judged.message, judged.fix);
  if (judged.kind === "waiting") {
    io.stdout.write(`${app}: ${judged.why}\n`);
    return EXIT.ok;
  }
  const { rollout, release, note } = judged;
  if (note !== undefined) io.stderr.write(`${note}\n`);
  const placements = await placementsOf(hub, app);
  const what = release === undefined ? "" : ` ${subject(release.message)} (${sentence(release.author, 60)})`;
  io.stdout.write(
    `${app} release ${rollout.release} ${paint(io, rolloutStanding(rollout))}: ${doneOf(rollout, placements)} of ${rollout.total} clusters, commit ${shortCommit(rollout.commit)}${what}\n`,
  );
  const open = placements.filter((one) => placementStanding(one).tone !== "good");
  if (open.length > 0) printTable(io, placementTable(open));
  if (rollout.gates.length > 0) printTable(io, gateTable(rollout));
  return verdict(app, judged, waited, io);
}

function verdict(
  app: string,
  { rollout }: Extract<Judged, { kind: "found" }>,
  waited: boolean,
  io: Io,
): number {
  const { state, release } = rollout;
  if (state.kind === "halted")
    throw new CliError(
      `release ${release} of ${app} is halted: ${sentence(state.reason)}`,
      state.gate === undefined
        ? "push a fix or revert the commit: a newer release goes on from here"
        : `push a fix, or have the stage judged again from the start: fairlead rollout retry ${app}`,
    );
  if (state.kind === "rolled-back" || state.kind === "rolling-back")
    throw new CliError(
      `release ${release} of ${app} ${stateWords(rollout)}`,
      `push a fix; until then the App is pinned: fairlead rollout unpin ${app} lifts that`,
    );
  if (state.kind === "aborted")
    throw new CliError(
      `release ${release} of ${app} was ${stateWords(rollout)}`,
      `push a new commit, or go back: fairlead rollout rollback ${app}`,
    );
  if (state.kind === "superseded")
    throw new CliError(
      `release ${release} of ${app} was replaced by release ${state.by} before it was ${waited ? "done" : "on every cluster"}`,
      `ask for that one: fairlead rollout status ${app} --release ${state.by}`,
    );
  if (state.kind === "succeeded" && state.silent > 0) {
    const clusters = state.silent === 1 ? "1 silent cluster gets" : `${state.silent} silent clusters get`;
    io.stderr.write(`${clusters} it when heard again\n`);
  }
  if (state.kind === "succeeded" && state.held !== undefined)
    for (const { cluster, why } of rollout.waits) io.stderr.write(`cluster ${cluster}: ${why}\n`);
  return EXIT.ok;
}
