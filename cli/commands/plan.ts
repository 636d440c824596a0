/**
 * `fairlead plan APP`: what a release of a commit, a branch or this working tree would change on which clusters. The exit
 * code says whether it could be released, so a pipeline can refuse a change before it is merged.
 */
import { buildCommand } from "@stricli/core";
import { PLAN_BODY_BYTES_MAX } from "#core/limits.ts";
import { releasePlanSchema, type PlanRequest, type ReleasePlan } from "#core/release-plan.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import { readGitFiles } from "../git-files.ts";
import type { Context, Io } from "../io.ts";
import { printPlan } from "../plan-text.ts";
import { printAs } from "../print.ts";

/** The hub fetches and renders meanwhile, and gives up before. */
const PLAN_MS_MAX = 120_000;
/** What `diff` and Terraform's plan say as well. */
const EXIT_CHANGES = 2;

interface Flags extends HubFlags, OutputFlags {
  commit?: string | undefined;
  branch?: string | undefined;
  dir?: string | undefined;
  exitCode: boolean;
}

export const plan = buildCommand<Flags, [string], Context>({
  async func(flags, app) {
    const hub = await connect(flags, this.io);
    const request = await requestOf(flags, this.io);
    const found = await hub.post(hub.path(["apps", app, "plan"]), request, releasePlanSchema, PLAN_MS_MAX);
    if (flags.output === "table") printPlan(this.io, found);
    else printAs(this.io, flags.output, found, () => ({ columns: [], rows: [], empty: "" }));
    this.exitCode = exitOf(found, flags.exitCode);
  },
  parameters: {
    flags: {
      ...hubFlags,
      commit: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "SHA",
        brief: "a commit of the App's Source, all 40 digits of it",
      },
      branch: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "NAME",
        brief: "where this branch of the App's Source stands now",
      },
      dir: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "DIR",
        brief: "the files that Git tracks in this folder, as they lie there (default: the current one)",
      },
      exitCode: {
        kind: "boolean",
        default: false,
        brief: "exit with 2 where clusters would change",
      },
      output: outputFlag,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "app", brief: "its name" }] },
  },
  docs: {
    brief: "Show what a commit, a branch or this working tree would change, and on which clusters",
    customUsage: ["shop", "shop --branch feature", "shop --commit $(git rev-parse HEAD) --exit-code"],
  },
});

async function requestOf({ commit, branch, dir }: Flags, io: Io): Promise<PlanRequest> {
  if ([commit, branch, dir].filter((one) => one !== undefined).length > 1)
    throw new CliError("--commit, --branch and --dir exclude each other", "take one of them", EXIT.usage);
  if (branch !== undefined) return { branch };
  if (commit !== undefined) {
    if (/^[0-9a-f]{40}$/.test(commit)) return { commit };
    throw new CliError(
      `--commit ${commit} is no full commit id`,
      `write all 40 digits: --commit $(git rev-parse ${commit})`,
      EXIT.usage,
    );
  }
  const { files, untracked } = await readGitFiles(dir ?? ".", io);
  if (untracked > 0)
    io.stderr.write(
      `${untracked} files are not tracked by Git and are left out: git add what belongs to it\n`,
    );
  return bounded({ files });
}

/** Text grows as JSON: what fits on disk may not fit in a request. */
function bounded(request: PlanRequest): PlanRequest {
  const bytes = Buffer.byteLength(JSON.stringify(request));
  if (bytes <= PLAN_BODY_BYTES_MAX) return request;
  throw new CliError(
    `the tracked files make a request of ${bytes} bytes, a plan takes ${PLAN_BODY_BYTES_MAX}`,
    "name a folder with --dir, or push it and name it with --branch or --commit",
  );
}

function exitOf({ verdict, changes }: ReleasePlan, tellChanges: boolean): number {
  if (verdict.kind === "withheld") return EXIT.failed;
  return tellChanges && (changes?.clusters.changed ?? 0) > 0 ? EXIT_CHANGES : EXIT.ok;
}
