/** `fairlead apply -f`: all documents are valid, or nothing is written. With --dry-run, what would change field by field. */
import { buildCommand } from "@stricli/core";
import { placeOf, type TextDocument } from "#core/text-document.ts";
import type { Tone } from "#core/fleet.ts";
import { PRUNABLE_KINDS, PRUNED_KINDS, type PrunableKind } from "#core/prune.ts";
import { inProject, parseDocument } from "#core/resource.ts";
import { sentence } from "#core/text.ts";
import { applyAnswerSchema, type ApplyAnswer } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT, HubRefusal } from "../errors.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context, Io } from "../io.ts";
import { readManifests } from "../manifests.ts";
import { paint, printAs } from "../print.ts";
import { printVanish } from "../print-vanish.ts";

interface Flags extends HubFlags, OutputFlags {
  file: readonly string[];
  dryRun: boolean;
  prune: boolean;
  selector?: string | undefined;
  pruneKind?: readonly string[] | undefined;
  takeover: boolean;
}

export const apply = buildCommand<Flags, [], Context>({
  async func(flags) {
    const prune = pruneOf(flags);
    const hub = await connect(flags, this.io);
    const manifests = (await readManifests(flags.file, this.io)).map((one) => ({
      ...one,
      value: inProject(one.value, flags.project),
    }));
    const { dryRun, takeover } = flags;
    const body = { resources: manifests.map(({ value }) => value), dryRun, takeover, ...prune };
    const answer = await hub.post("/v1/apply", body, applyAnswerSchema).catch((error: unknown) => {
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
      dryRun: {
        kind: "boolean",
        default: false,
        brief: "say what would change, field by field, and change nothing",
      },
      prune: {
        kind: "boolean",
        default: false,
        brief: "delete what the selector matches and is not among the documents",
      },
      selector: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "a=b,c!=d",
        brief: "labels of what --prune may delete",
      },
      pruneKind: {
        kind: "parsed",
        parse: String,
        variadic: true,
        optional: true,
        placeholder: "KIND",
        brief: `kinds that --prune may delete (${PRUNED_KINDS.join(", ")}); Cluster only when named`,
      },
      takeover: {
        kind: "boolean",
        default: false,
        brief: "also change what a fleet folder keeps; it lets it be until Git says the same",
      },
      output: outputFlag,
    },
    aliases: { f: "file", l: "selector", o: "output" },
  },
  docs: {
    brief: "Create or change projects, sources, apps, clusters and policies from YAML",
    customUsage: [
      "-f fleet/",
      "-f app.yaml --dry-run",
      "-f fleet/ --prune -l team=web --dry-run",
      "-f - < app.yaml",
    ],
  },
});

function pruneOf({ prune, selector, pruneKind }: Flags) {
  if (prune !== (selector !== undefined))
    throw new CliError(
      prune ? "--prune needs a selector" : "--selector goes with --prune",
      "write --prune -l team=web: only what these labels match is deleted",
      EXIT.usage,
    );
  const kinds = pruneKind?.map(kindOf);
  if (selector === undefined) return {};
  return { prune: { selector, ...(kinds === undefined ? {} : { kinds }) } };
}

function kindOf(text: string): PrunableKind {
  const kind = PRUNABLE_KINDS.find((known) => known.toLowerCase() === text.toLowerCase());
  if (kind !== undefined) return kind;
  throw new CliError(`--prune-kind ${text} is none`, `take one of ${PRUNABLE_KINDS.join(", ")}`, EXIT.usage);
}

/** The hub counts documents over all files and knows no lines: here each fault gets its file and line. */
function placed(error: unknown, manifests: readonly TextDocument[]): unknown {
  if (!(error instanceof HubRefusal) || error.errors.length === 0) return error;
  const local = new Set<number>();
  const lines = error.errors.flatMap((line) => {
    const number = Number(/^document (\d+)/.exec(line)?.[1]);
    const manifest = manifests[number - 1];
    if (manifest === undefined) return [line];
    const parsed = parseDocument(manifest);
    if (parsed.kind === "parsed")
      return [line.replace(/^document \d+/, placeOf(manifest.name, manifest.number, manifest.line))];
    // The same words as the hub's, with lines; all faults of the document at once.
    const known = local.has(number);
    local.add(number);
    return known ? [] : parsed.errors;
  });
  // A race that was lost in the middle names resources, not documents: there something was applied.
  if (!error.errors.every((line) => line.startsWith("document ")))
    return new CliError([error.message, ...lines].join("\n  "), error.fix);
  return new CliError(
    ["nothing was applied:", ...lines].join("\n  "),
    "correct what is named, and apply again",
  );
}

const TONES: Record<ApplyAnswer["results"][number]["outcome"], Tone> = {
  created: "good",
  configured: "busy",
  unchanged: "quiet",
  deleted: "bad",
  skipped: "quiet",
};

function print(io: Io, { output, dryRun }: Flags, answer: ApplyAnswer): void {
  for (const warning of answer.warnings) io.stderr.write(`warning: ${sentence(warning)}\n`);
  if (answer.vanish !== undefined) printVanish(io, answer.vanish);
  if (output !== "table")
    return printAs(io, output, answer.results, () => ({ columns: [], rows: [], empty: "" }));
  for (const result of answer.results) {
    const word = paint(io, { word: result.outcome, tone: TONES[result.outcome] });
    const note = result.note === undefined ? "" : `: ${sentence(result.note)}`;
    io.stdout.write(`${result.kind} ${result.name} ${word}${dryRun ? " (dry run)" : ""}${note}\n`);
    if (dryRun) printChanges(io, result);
  }
}

function printChanges(io: Io, { changes, more }: ApplyAnswer["results"][number]): void {
  for (const { path, before, after } of changes ?? []) {
    io.stdout.write(`    ${sentence(path)}\n`);
    if (before !== undefined)
      io.stdout.write(`      ${paint(io, { word: `- ${sentence(before)}`, tone: "bad" })}\n`);
    if (after !== undefined)
      io.stdout.write(`      ${paint(io, { word: `+ ${sentence(after)}`, tone: "good" })}\n`);
  }
  if (more !== undefined) io.stdout.write(`    and ${more} more fields\n`);
}
