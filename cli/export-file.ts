/** An export's file, read a line at a time: checked whole before the first line is used, then handed out in requests. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline/promises";
import {
  EXPORT_LINES_MAX,
  EXPORT_VERSION,
  exportLineSchema,
  type ExportLine,
  type HubLine,
} from "#core/export.ts";
import { CliError, EXIT } from "./errors.ts";

const REQUEST_BYTES = 512 * 1024;
const AGAIN = "make it again with fairlead export, and keep it as it is written";

export interface CheckedExport {
  hub: HubLine;
  /** Names the export. */
  digest: string;
  lines: number;
  /** Whose values have to be set again, as `project/name`. */
  credentials: string[];
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path);
  try {
    // A file that cannot be opened says so here, and not as an error that nobody waits for.
    await new Promise<void>((resolve, reject) => input.once("open", () => resolve()).once("error", reject));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw new CliError(`${path} cannot be read (${code})`, "name the file of an export", EXIT.usage);
  }
  yield* createInterface({ input, crlfDelay: Infinity });
}

/** Throws unless it is a whole export of this version, unchanged since it was written. */
export async function checkExport(path: string): Promise<CheckedExport> {
  const digest = createHash("sha256");
  const credentials: string[] = [];
  let count = 0;
  let hub: HubLine | undefined;
  let end: Extract<ExportLine, { kind: "end" }> | undefined;
  for await (const text of linesOf(path)) {
    if (end !== undefined) throw new CliError(`${path} goes on after its last line`, AGAIN);
    const line = lineOf(path, text, count);
    if (line.kind === "end") {
      end = line;
      continue;
    }
    digest.update(`${text}\n`);
    count += 1;
    if (count === 2 && line.kind === "hub") hub = line;
    if (line.kind === "credential") credentials.push(`${line.project}/${line.name}`);
  }
  if (hub === undefined) throw new CliError(`${path} does not say which hub it is of`, AGAIN);
  if (end === undefined) throw new CliError(`${path} was cut: its last line is missing`, AGAIN);
  if (end.lines !== count || end.digest !== digest.digest("hex"))
    throw new CliError(`${path} is not as it was written: its lines do not fit their digest`, AGAIN);
  return { hub, digest: end.digest, lines: count + 1, credentials };
}

function lineOf(path: string, text: string, index: number): ExportLine {
  const place = `${path}, line ${index + 1}`;
  const json = parseJson(text);
  const header = json as { fairlead?: unknown; version?: unknown } | undefined;
  if (index === 0 && header?.fairlead !== "export")
    throw new CliError(`${path} is no export of a hub`, "name the file of an export", EXIT.usage);
  if (index === 0 && header?.version !== EXPORT_VERSION)
    throw new CliError(
      `${path} is of version ${String(header?.version)}, this CLI reads ${EXPORT_VERSION}`,
      "use the CLI and the hub of the version that wrote it",
    );
  const line = exportLineSchema.safeParse(json);
  if (line.success) return line.data;
  const [issue] = line.error.issues;
  throw new CliError(
    `${place}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is not understood"}`,
    AGAIN,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is no line of an export: the caller tells so with its place.
    return undefined;
  }
}

/** In order, each batch within what one request may hold. */
export async function* batchesOf(path: string): AsyncGenerator<{ from: number; lines: unknown[] }> {
  let from = 0;
  let bytes = 0;
  let lines: unknown[] = [];
  for await (const text of linesOf(path)) {
    const size = Buffer.byteLength(text);
    if (lines.length > 0 && (bytes + size > REQUEST_BYTES || lines.length === EXPORT_LINES_MAX)) {
      yield { from, lines };
      from += lines.length;
      [bytes, lines] = [0, []];
    }
    lines.push(JSON.parse(text));
    bytes += size;
  }
  if (lines.length > 0) yield { from, lines };
}
