/** `fairlead rollout pause|resume|approve|reject|skip|retry|abort|rollback|unpin APP`: tells the rollout in force what to do. */
import { buildCommand } from "@stricli/core";
import { stateWords, type CommandKind } from "#core/rollout.ts";
import { appViewSchema, rolloutSchema, type AppView } from "#core/view.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError } from "../errors.ts";
import { hubFlags, parseCount } from "../flags.ts";
import type { Context, Io } from "../io.ts";

interface Flags extends HubFlags {
  release?: number | undefined;
}

const BRIEFS: Record<CommandKind, string> = {
  pause: "Release no further cluster; what moves finishes",
  resume: "Let a paused rollout go on, or one whose approval was refused",
  approve: "Say yes to what a stage waits for, or to what a release would delete, as a second person",
  reject: "Say no: the rollout halts, or goes back where the App says so; what is withheld ends",
  "skip-stage": "Let the stage that soaks be over, or the one that waits for a window move",
  retry: "Give clusters that failed their time again",
  abort: "End it where it is: every cluster keeps what it has",
  rollback: "Give each cluster that it moved what was healthy there before",
  unpin: "Let the App move again after a rollback, although nothing was fixed",
};

const releaseFlag = {
  kind: "parsed",
  parse: parseCount,
  optional: true,
  placeholder: "N",
  brief: "only if it is this release that is in force",
} as const;
const positional = {
  kind: "tuple",
  parameters: [{ parse: String, placeholder: "app", brief: "its name" }],
} as const;

export function rolloutCommand(kind: Exclude<CommandKind, "rollback">) {
  return buildCommand<Flags, [string], Context>({
    async func(flags, name) {
      await tell(this.io, flags, name, kind);
    },
    parameters: { flags: { ...hubFlags, release: releaseFlag }, positional },
    docs: { brief: BRIEFS[kind] },
  });
}

interface BackFlags extends Flags {
  to?: number | undefined;
}

export const rolloutRollback = buildCommand<BackFlags, [string], Context>({
  async func(flags, name) {
    await tell(this.io, flags, name, "rollback", flags.to);
  },
  parameters: {
    flags: {
      ...hubFlags,
      release: releaseFlag,
      to: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        placeholder: "N",
        brief: "what release N gave, to each cluster that had it, through the App's stages",
      },
    },
    positional,
  },
  docs: { brief: BRIEFS.rollback },
});

async function tell(io: Io, flags: Flags, name: string, kind: CommandKind, to?: number): Promise<void> {
  const hub = await connect(flags, io);
  const release = flags.release ?? (await releaseFor(hub, name, kind));
  const path = hub.path(["apps", name, "rollouts", release, kind]);
  const rollout = await hub.post(path, to === undefined ? {} : { to }, rolloutSchema);
  const how =
    to === undefined
      ? `release ${release} of ${name}: ${stateWords(rollout)}`
      : `${name} goes back to what release ${to} gave: fairlead rollout status ${name} --wait`;
  io.stderr.write(`${how}\n`);
}

/** A yes or a no is first for what would delete too much: that comes before any stage. */
async function releaseFor(hub: Hub, name: string, kind: CommandKind): Promise<number> {
  const view = await hub.read(["apps", name], appViewSchema);
  const { withheld } = view.state ?? {};
  if (withheld !== undefined && (kind === "approve" || kind === "reject")) {
    const { state } = await hub.read(["apps", name, "rollouts", withheld], rolloutSchema);
    if (state.kind === "withheld") return withheld;
  }
  return releaseOf(view, kind);
}

function releaseOf({ resource, state }: AppView, kind: CommandKind): number {
  const release =
    (kind === "unpin" ? state?.pinned?.release : undefined) ?? state?.rolling ?? state?.release ?? 0;
  if (release > 0) return release;
  throw new CliError(`App ${resource.metadata.name} has no release yet`, "commit something that it renders");
}
