/** Printers: a table for people, JSON and YAML for programs. Text from outside is one clean line before it is shown. */
import { stringify } from "yaml";
import type { Standing, Tone } from "#core/fleet.ts";
import { sentence } from "#core/text.ts";
import type { Io } from "./io.ts";

export const FORMATS = ["table", "json", "yaml"] as const;
export type Format = (typeof FORMATS)[number];

export type Cell = string | number | Standing;
export interface Table {
  columns: readonly string[];
  rows: readonly (readonly Cell[])[];
  /** Said instead of a table without rows. */
  empty: string;
}

const CELL_CHARS_MAX = 100;
const GAP = "   ";
const COLOURS: Record<Tone, string> = { good: "32", busy: "36", bad: "31", quiet: "2" };

/** Colours only on a terminal, and never with NO_COLOR (any value but an empty one). */
export function hasColours(io: Io): boolean {
  return io.isTTY && (io.env["NO_COLOR"] ?? "") === "" && io.env["TERM"] !== "dumb";
}

export function paint(io: Io, { word, tone }: Standing): string {
  return hasColours(io) ? `\u001B[${COLOURS[tone]}m${word}\u001B[0m` : word;
}

export function printTable(io: Io, { columns, rows, empty }: Table): void {
  if (rows.length === 0) {
    // Not data: a program that counts lines must see none.
    io.stderr.write(`${empty}\n`);
    return;
  }
  const widths = columns.map((name, at) =>
    Math.max(name.length, ...rows.map((row) => plain(row[at] ?? "").length)),
  );
  const line = (cells: readonly string[]): string => `${cells.join(GAP).trimEnd()}\n`;
  io.stdout.write(line(columns.map((name, at) => name.toUpperCase().padEnd(widths[at] ?? 0))));
  for (const row of rows) io.stdout.write(line(row.map((cell, at) => shown(io, cell, widths[at] ?? 0))));
}

function plain(cell: Cell): string {
  return sentence(typeof cell === "object" ? cell.word : String(cell), CELL_CHARS_MAX);
}

function shown(io: Io, cell: Cell, width: number): string {
  const text = plain(cell);
  const space = " ".repeat(width - text.length);
  return typeof cell === "object"
    ? `${paint(io, { word: text, tone: cell.tone })}${space}`
    : `${text}${space}`;
}

/** `value` is what the hub said, parsed; `table` the same for people. */
export function printAs(io: Io, format: Format, value: unknown, table: () => Table): void {
  if (format === "json") io.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  else if (format === "yaml") io.stdout.write(stringify(value));
  else printTable(io, table());
}

/** `12 s`, `3 min`, `5 h`, `9 d` ago; `-` for what never was. */
export function ago(at: number | undefined, now: number): string {
  if (at === undefined) return "-";
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}

/** The first line of a commit message. */
export function subject(message: string): string {
  return sentence(message.split("\n", 1)[0] ?? "", 72);
}
