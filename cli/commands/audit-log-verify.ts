/**
 * `fairlead audit-log verify`: reads the log as it stands and checks it here, so that nobody has to believe the hub. Ends
 * with 1 when anything was altered, removed or reordered, or a change of an item is missing.
 */
import { buildCommand } from "@stricli/core";
import { checkBatches, checkFrom, checkEnd, type Checked, type LogFinding } from "#core/audit-chain.ts";
import { foundPageSchema, type FoundPage } from "#core/audit-view.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { EXIT } from "../errors.ts";
import { hubFlags, outputFlag, parseCount, type OutputFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { printAs, type Cell, type Table } from "../print.ts";

interface Flags extends HubFlags, OutputFlags {
  head?: Head | undefined;
  after?: number | undefined;
}
interface Head {
  n: number;
  hash: string;
}

export const auditLogVerify = buildCommand<Flags, [], Context>({
  async func(flags) {
    const { io } = this;
    const hub = await connect(flags, io);
    const { findings, checked } = await checkAll(hub, flags);
    const head: Head = { n: checked.n, hash: checked.hash ?? "" };
    const { batches, records } = checked;
    const value = { batches, records, head, findings };
    printAs(io, flags.output, value, () => findingTable(findings));
    io.stderr.write(
      `${counted(batches, "batch", "es")} with ${counted(records, "record", "s")}: ${wordsOf(findings.length)}\n`,
    );
    if (head.n > 0) io.stderr.write(`head ${head.n}:${head.hash}\n`);
    if (findings.length > 0) this.exitCode = EXIT.failed;
  },
  parameters: {
    flags: {
      ...hubFlags,
      head: {
        kind: "parsed",
        parse: parseHead,
        optional: true,
        placeholder: "N:HASH",
        brief: "a head that was noted before: the log must still hold it",
      },
      after: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        placeholder: "N",
        brief: "begin behind this batch: what was found before it is known",
      },
      output: outputFlag,
    },
    aliases: { o: "output" },
  },
  docs: { brief: "Check the whole audit log: exit code 1 when anything of it was altered or is missing" },
});

async function checkAll(hub: Hub, { head: noted, after }: Pick<Flags, "head" | "after">) {
  const findings: LogFinding[] = [];
  const from = after === undefined ? undefined : { n: after, hash: undefined, last: undefined };
  let checked: Checked = checkFrom(hub.project, from);
  let seen: string | undefined;
  for (;;) {
    const page: FoundPage = await hub.read(["audit", "batches"], foundPageSchema, { after: checked.n });
    const step = checkBatches(hub.project, page.batches, checked);
    findings.push(...step.findings);
    seen ??= page.batches.find(({ place }) => place === noted?.n)?.hash;
    checked = step.checked;
    if (page.next !== undefined) continue;
    findings.push(...checkEnd(checked, page.beyond), ...notedFindings(noted, seen));
    return { findings, checked };
  }
}

function notedFindings(noted: Head | undefined, seen: string | undefined): LogFinding[] {
  if (noted === undefined || seen === noted.hash) return [];
  const now = seen === undefined ? "is not in the log" : "has another hash now";
  return [{ kind: "head", batch: noted.n, message: `the noted batch ${noted.n} ${now}` }];
}

function parseHead(text: string): Head {
  const parts = /^(\d{1,12}):([0-9a-f]{64})$/.exec(text);
  if (parts === null) throw new Error("must be as an earlier verify printed it: 12:<64 hexadecimal digits>");
  return { n: Number(parts[1]), hash: parts[2] ?? "" };
}

function wordsOf(findings: number): string {
  return findings === 0 ? "all as it was written" : counted(findings, "finding", "s");
}

function counted(count: number, one: string, plural: string): string {
  return `${count} ${one}${count === 1 ? "" : plural}`;
}

function findingTable(findings: readonly LogFinding[]): Table {
  const rows = findings.map(({ kind, batch, record, message }): Cell[] => [
    { word: kind, tone: "bad" },
    batch,
    record ?? "-",
    message,
  ]);
  return { columns: ["finding", "batch", "record", "what is wrong"], rows, empty: "no findings" };
}
