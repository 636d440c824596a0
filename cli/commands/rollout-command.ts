/** `fairlead rollout pause|resume|approve|reject|skip|retry|abort|rollback|unpin APP`: tells the rollout in force what to do. */
import { buildCommand } from "@stricli/core";
import { stateWords, type CommandKind } from "#core/rollout.ts";
import { appViewSchema, rolloutSchema, type AppView } from "#core/view.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError } from "../errors.ts";
import { hubFlags, parseCount } from "../flags.ts";
import type { Context } from "../io.ts";

interface Flags extends HubFlags {
  release?: number | undefined;
}

const BRIEFS: Record<CommandKind, string> = {
  pause: "Release no further cluster; what moves finishes",
  resume: "Let a paused rollout go on, or one whose approval was refused",
  approve: "Say yes to what a stage waits for, or to what a release would delete, as a second person",
  reject: "Say no: the rollout halts, or goes back where the App says so; what is withheld ends",
  "skip-stage": "Let the stage that soaks be over",
  retry: "Give clusters that failed their time again",
  abort: "End it where it is: every cluster keeps what it has",
  rollback: "Give each cluster that it moved what was healthy there before",
  unpin: "Let the App move again after a rollback, although nothing was fixed",
};

export function rolloutCommand(kind: CommandKind) {
  return buildCommand<Flags, [string], Context>({
    async func(flags, name) {
      const hub = await connect(flags, this.io);
      const release = flags.release ?? (await releaseFor(hub, name, kind));
      const path = hub.path(["apps", name, "rollouts", release, kind]);
      const rollout = await hub.post(path, {}, rolloutSchema);
      this.io.stderr.write(`release ${release} of ${name}: ${stateWords(rollout)}\n`);
    },
    parameters: {
      flags: {
        ...hubFlags,
        release: {
          kind: "parsed",
          parse: parseCount,
          optional: true,
          placeholder: "N",
          brief: "only if it is this release that is in force",
        },
      },
      positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "app", brief: "its name" }] },
    },
    docs: { brief: BRIEFS[kind] },
  });
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
