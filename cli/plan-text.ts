/** A plan for people: who changes alike, what comes (+), changes (~), goes (-), and what the hub would say to it. */
import { assertNever } from "#core/assert.ts";
import { words } from "#core/finding.ts";
import type { Tone } from "#core/fleet.ts";
import { refText } from "#core/object.ts";
import type { PlanChanges, PlanEntry, ReleasePlan } from "#core/release-plan.ts";
import { sentence } from "#core/text.ts";
import type { Io } from "./io.ts";
import { paint, shortCommit, subject } from "./print.ts";

type Write = (text: string, tone?: Tone) => void;

export function printPlan(io: Io, plan: ReleasePlan): void {
  const write: Write = (text, tone) =>
    void io.stdout.write(`${tone === undefined ? text : paint(io, { word: text, tone })}\n`);
  write(`Plan of ${plannedText(plan)} for App ${plan.app}, against ${againstText(plan)}`);
  if (plan.changes !== undefined) printChanges(write, plan.changes);
  for (const one of plan.warnings?.listed ?? []) write(`warning: ${sentence(words(one), 1000)}`, "busy");
  const hidden = (plan.warnings?.total ?? 0) - (plan.warnings?.listed.length ?? 0);
  if (hidden > 0) write(`and ${hidden} more warnings`);
  printVerdict(write, plan);
}

function plannedText({ planned }: ReleasePlan): string {
  if (planned.kind === "files") return `${planned.files} files of the working tree`;
  const { commit, message } = planned;
  return message === "" ? sentence(commit) : `commit ${shortCommit(commit)} (${subject(message)})`;
}

function againstText({ against: { release, commit } }: ReleasePlan): string {
  if (release === 0) return "nothing: it has no release yet";
  return `release ${release}${commit === undefined ? "" : ` (commit ${shortCommit(commit)})`}`;
}

function printChanges(write: Write, changes: PlanChanges): void {
  for (const entry of changes.entries) printEntry(write, entry);
  const { more, clusters, objects, deletes } = changes;
  if (more.entries > 0)
    write(`\nand ${more.entries} more groups with ${more.clusters} clusters, counted below`);
  const left = objects.left === 0 ? "" : `, ${objects.left} left behind`;
  write(
    `\n${clusters.changed} of ${clusters.total} clusters change: ${objects.created} objects created, ${objects.changed} changed, ${objects.deleted} deleted${left} over all of them`,
  );
  if (deletes.most > 0)
    write(
      `Most deletes on one cluster: ${deletes.most}; the budget is ${deletes.budget}${deletes.over === 0 ? "" : `, and ${deletes.over} clusters are above it`}`,
      deletes.over === 0 ? undefined : "bad",
    );
}

const ACTIONS: Record<PlanEntry["action"], string> = {
  install: "install on",
  update: "update",
  options: "other sync options on",
  remove: "remove from",
};

function printEntry(write: Write, entry: PlanEntry): void {
  const { count, first } = entry.clusters;
  const more = count > first.length ? ` and ${count - first.length} more` : "";
  write(`\n${ACTIONS[entry.action]} ${count === 1 ? "" : `${count} clusters: `}${first.join(", ")}${more}`);
  const list = (mark: string, tone: Tone, refs: PlanEntry["created"], what: string): void => {
    for (const ref of refs.listed) write(`  ${mark} ${sentence(refText(ref))}${what}`, tone);
    unlisted(write, refs);
  };
  list("+", "good", entry.created, "");
  for (const { object, fields, more: hidden } of entry.changed.listed) {
    write(`  ~ ${sentence(refText(object))}`, "busy");
    for (const { path, before, after } of fields) {
      write(`      ${sentence(path)}`);
      if (before !== undefined) write(`        - ${sentence(before)}`, "bad");
      if (after !== undefined) write(`        + ${sentence(after)}`, "good");
    }
    if (hidden > 0) write(`      and ${hidden} more fields`);
  }
  unlisted(write, entry.changed);
  list("-", "bad", entry.deleted, "");
  list("-", "quiet", entry.left, " (stays in the cluster)");
  if (entry.unchanged > 0) write(`    ${entry.unchanged} objects stay as they are`, "quiet");
}

function unlisted(write: Write, { count, listed }: { count: number; listed: readonly unknown[] }): void {
  if (count > listed.length) write(`    and ${count - listed.length} more`);
}

function printVerdict(write: Write, { verdict }: ReleasePlan): void {
  switch (verdict.kind) {
    case "nothing":
      return write("The clusters would stay as they are.", "good");
    case "release":
      return write("The hub would release it.", "good");
    case "withheld": {
      const { message, file, line } = verdict.error;
      const place = file === undefined ? "" : ` (${sentence(file)}${line === undefined ? "" : `:${line}`})`;
      return write(`The hub would not release it: ${sentence(message, 1000)}${place}`, "bad");
    }
    default:
      return assertNever(verdict);
  }
}
