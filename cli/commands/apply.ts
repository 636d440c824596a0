/** `fairlead apply -f`: all documents are valid, or nothing is written. */
import { buildCommand } from "@stricli/core";
import { applyAnswerSchema, type ApplyAnswer } from "#core/view.ts";
import type { Tone } from "#core/fleet.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, HubRefusal } from "../errors.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context, Io } from "../io.ts";
import { readManifests, type Manifest } from "../manifests.ts";
import { paint, printAs } from "../print.ts";

interface Flags extends HubFlags, OutputFlags {
  file: readonly string[];
  dryRun: boolean;
}

export const apply = buildCommand<Flags, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const manifests = await readManifests(flags.file, this.io);
    const resources = manifests.map(({ value }) => inProject(value, flags.project));
    const answer = await hub
      .post("/v1/apply", { resources, dryRun: flags.dryRun }, applyAnswerSchema)
      .catch((error: unknown) => {
        throw placed(error, manifests);
      });
    print(this.io, flags, answer);
  },
  parameters: {
    flags: {
      ...hubFlags,
      file: {
        kind: "parsed",
        parse: String,
        variadic: true,
        placeholder: "FILE|DIR|-",
        brief: "YAML or JSON; a folder is read without those below it",
      },
      dryRun: { kind: "boolean", default: false, brief: "say what would change, and change nothing" },
      output: outputFlag,
    },
    aliases: { f: "file", o: "output" },
  },
  docs: {
    brief: "Create or change sources, apps and clusters from YAML",
    customUsage: ["-f fleet/", "-f source.yaml -f app.yaml", "-f - < app.yaml"],
  },
});

/** `--project` fills the gap, and never overrules what a document says. */
function inProject(value: unknown, project: string | undefined): unknown {
  if (project === undefined || typeof value !== "object" || value === null || !("metadata" in value))
    return value;
  const { metadata } = value;
  if (typeof metadata !== "object" || metadata === null || "project" in metadata) return value;
  return { ...value, metadata: { ...metadata, project } };
}

/** The hub counts documents over all files: here each gets its own name again. */
function placed(error: unknown, manifests: readonly Manifest[]): unknown {
  if (!(error instanceof HubRefusal) || error.errors.length === 0) return error;
  const lines = error.errors.map((line) =>
    line.replace(/^document (\d+)/, (all, n: string) => manifests[Number(n) - 1]?.place ?? all),
  );
  return new CliError(
    ["nothing was applied:", ...lines].join("\n  "),
    "correct what is named, and apply again",
  );
}

const TONES: Record<ApplyAnswer["results"][number]["outcome"], Tone> = {
  created: "good",
  configured: "busy",
  unchanged: "quiet",
};

function print(io: Io, { output, dryRun }: Flags, answer: ApplyAnswer): void {
  if (output !== "table")
    return printAs(io, output, answer.results, () => ({ columns: [], rows: [], empty: "" }));
  for (const { kind, name, outcome } of answer.results)
    io.stdout.write(
      `${kind} ${name} ${paint(io, { word: outcome, tone: TONES[outcome] })}${dryRun ? " (dry run)" : ""}\n`,
    );
}
