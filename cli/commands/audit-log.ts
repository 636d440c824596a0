/** `fairlead audit-log`: when, who, what, the change, and why; the newest first. */
import { buildCommand } from "@stricli/core";
import { AUDIT_NOUNS, type AuditNoun, type AuditRecord } from "#core/audit-record.ts";
import { auditPageSchema, type AuditPage } from "#core/audit-view.ts";
import { durationMs, durationSchema } from "#core/duration.ts";
import { isFields } from "#core/pointer.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags, outputFlag, parseCount, type OutputFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { printAs, shortCommit, type Cell, type Table } from "../print.ts";

interface Flags extends HubFlags, OutputFlags {
  noun?: AuditNoun | undefined;
  name?: string | undefined;
  by?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  limit: number;
}

const PAGE_MAX = 500;
const LONGEST_MS = 10 * 365 * 86_400_000;

export const auditLogList = buildCommand<Flags, [], Context>({
  async func(flags) {
    const { io } = this;
    const hub = await connect(flags, io);
    const { items, damaged } = await readUpTo(hub, flags, io.now());
    if (damaged !== undefined && damaged.length > 0)
      io.stderr.write(
        `batch ${damaged.join(", ")} of the log cannot be read, so its records are missing here: fairlead audit-log verify\n`,
      );
    printAs(io, flags.output, items, () => recordTable(items));
  },
  parameters: {
    flags: {
      ...hubFlags,
      noun: {
        kind: "enum",
        values: AUDIT_NOUNS,
        optional: true,
        brief: "only changes of this kind of thing",
      },
      name: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "NAME",
        brief: "only of this thing; an App's name also finds its releases and assignments",
      },
      by: { kind: "parsed", parse: String, optional: true, placeholder: "WHO", brief: "only by them" },
      since: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "TIME",
        brief: "a time, or how long ago: 2026-11-21T09:00Z, 90m, 2h",
      },
      until: { kind: "parsed", parse: String, optional: true, placeholder: "TIME", brief: "the same" },
      limit: {
        kind: "parsed",
        parse: parseCount,
        default: "50",
        placeholder: "N",
        brief: "records at most",
      },
      output: outputFlag,
    },
    aliases: { o: "output" },
  },
  docs: {
    brief: "Show who changed what and why, newest first",
    customUsage: ["", "--noun app --name shop --since 24h", "verify"],
  },
});

async function readUpTo(hub: Hub, flags: Flags, now: number): Promise<AuditPage> {
  const { noun, name, by, limit } = flags;
  const [since, until] = [flags.since, flags.until].map((text) => momentText(text, now));
  const items: AuditRecord[] = [];
  const damaged: number[] = [];
  for (let cursor: string | undefined; ;) {
    const query = { noun, name, by, since, until, cursor, limit: Math.min(PAGE_MAX, limit - items.length) };
    const page = await hub.read(["audit"], auditPageSchema, query);
    items.push(...page.items);
    damaged.push(...(page.damaged ?? []));
    if (page.next === undefined || items.length >= limit) return { items, damaged: [...new Set(damaged)] };
    cursor = page.next;
  }
}

/** `2h` is a time before now; everything else is for the hub to read. */
export function momentText(text: string | undefined, now: number): string | undefined {
  if (text === undefined) return undefined;
  const ago = durationSchema(0, LONGEST_MS).safeParse(text);
  return ago.success ? String(now - durationMs(ago.data)) : text;
}

function recordTable(items: readonly AuditRecord[]): Table {
  const rows = items.map((record): Cell[] => [
    new Date(record.at).toISOString().replace(".000Z", "Z"),
    record.by,
    `${record.noun} ${record.name}`,
    { word: record.action, tone: record.follows === undefined ? "quiet" : "bad" },
    changeWords(record),
    [record.why, record.commit === undefined ? undefined : shortCommit(record.commit)]
      .filter(Boolean)
      .join(" · "),
  ]);
  return {
    columns: ["when", "who", "what", "did", "change", "why"],
    rows,
    empty: "the log has no such record",
  };
}

function changeWords(record: AuditRecord): string {
  const { changes = [], moreChanges = 0, version, follows } = record;
  const gap = follows === undefined ? "" : `version ${version ?? "?"} after ${follows}! `;
  const [first] = changes;
  if (first !== undefined) {
    const more = changes.length + moreChanges - 1;
    const words = `${first.path} ${first.before ?? "absent"} -> ${first.after ?? "absent"}`;
    return `${gap}${words}${more > 0 ? ` (and ${more} more)` : ""}`;
  }
  if (record.noun === "assignment") return `${releaseIn(record.before)} -> ${releaseIn(record.after)}`;
  if (record.noun === "denial" && isFields(record.after)) return `${String(record.after["count"])} times`;
  return version === undefined ? gap : `${gap}version ${version}`;
}

function releaseIn(value: unknown): string {
  return isFields(value) ? `release ${String(value["release"])}` : "nothing";
}
