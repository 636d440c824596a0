/**
 * Plain YAML and JSON: every document of the given files, in their order, with lists (`kind: List`) unfolded. One
 * document that is not a Kubernetes object fails the whole render, with its file and line; nothing is skipped but empty
 * documents. Runs inside a worker: hostile input may take the worker's time and memory, and nobody else's.
 */
import { isCollection, LineCounter, parseAllDocuments, visit } from "yaml";
import type { Document, Node, YAMLError } from "yaml";
import type { KubeObject } from "#core/object.ts";
import { ALIASES_MAX } from "./limits.ts";
import { isRecord } from "./manifest.ts";
import { contentOf } from "./pack.ts";
import type { PackedFiles } from "./pack.ts";
import { failed } from "./result.ts";
import type { RenderFailure, RenderResult } from "./result.ts";
import { unfold } from "./unfold.ts";
import { kubernetesSchema } from "./yaml-schema.ts";

const TOO_DEEP = "nested too deeply: write it flatter";
const COLLECTION_KEY =
  "a mapping or a list stands where a field's name belongs: put it in quotes (templates are not filled in here)";

/** `json` holds every object of every file, in order, as one JSON array. */
export type YamlAnswer = { kind: "read"; json: string } | RenderFailure;

/**
 * Reads one file after the other. What a file held becomes JSON before the next is read: the parser's own strings are
 * chains of single characters, many times the size of their text.
 */
export function readYamlFiles(files: PackedFiles): YamlAnswer {
  const objects: string[] = [];
  for (const entry of files.entries) {
    const read = readYamlFile(entry.path, contentOf(files, entry));
    if (read.kind === "failed") return read;
    for (const object of read.objects) objects.push(JSON.stringify(object));
  }
  return { kind: "read", json: `[${objects.join(",")}]` };
}

/** The objects of one file. */
export function readYamlFile(file: string, content: Uint8Array): RenderResult {
  const text = decodeText(content);
  if (text === undefined) return failed("not text in UTF-8: store manifests as UTF-8", { file });
  const lines = new LineCounter();
  try {
    const documents = parseAllDocuments(text, {
      schema: kubernetesSchema,
      version: "1.1",
      lineCounter: lines,
      prettyErrors: false,
      logLevel: "error",
    });
    return readDocuments(Array.isArray(documents) ? documents : [], { file, lines });
  } catch (cause) {
    return failed(describeThrown(cause), { file });
  }
}

/** Where a value was read: enough to point at it. */
type Place = { file: string; lines: LineCounter };

function readDocuments(documents: ReadonlyArray<Document.Parsed>, place: Place): RenderResult {
  const objects: KubeObject[] = [];
  for (const [index, document] of documents.entries()) {
    const problem = document.errors[0] ?? document.warnings[0];
    if (problem !== undefined) return describeProblem(problem, place);
    const key = findCollectionKey(document);
    if (key !== undefined) return failed(COLLECTION_KEY, { file: place.file, line: lineOf(key, place) });
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    if (value === null || value === undefined) continue;
    const found = unfold(value);
    if (found.kind === "found") {
      for (const object of found.objects) objects.push(object);
      continue;
    }
    const where = documents.length > 1 ? ` (document ${index + 1})` : "";
    return failed(`${found.reason}${where}`, {
      file: place.file,
      line: lineOf(nodeAt(document, found.path), place),
      ...(found.object !== undefined && { object: found.object }),
    });
  }
  return { kind: "rendered", objects };
}

/** JSON has names of fields only; `{{ .Values.x }}` in a manifest that is really a template reads as such a key. */
function findCollectionKey(document: Document.Parsed): Node | undefined {
  let found: Node | undefined;
  visit(document, {
    Pair: (_, { key }) => {
      if (!isCollection(key)) return undefined;
      found = key;
      return visit.BREAK;
    },
  });
  return found;
}

/** The node that a refused value came from, or the nearest one above it. */
function nodeAt(document: Document.Parsed, path: ReadonlyArray<string | number>): Node | null {
  for (let length = path.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (isRecord(node) && "range" in node) return node as unknown as Node;
  }
  return document.contents;
}

function lineOf(node: Node | null, place: Place): number {
  return place.lines.linePos(node?.range?.[0] ?? 0).line;
}

function describeProblem(problem: YAMLError, { file, lines }: Place): RenderFailure {
  const { line, col } = lines.linePos(problem.pos[0]);
  if (/call stack/.test(problem.message)) return failed(TOO_DEEP, { file, line });
  return failed(`not valid YAML: ${problem.message} (line ${line}, column ${col})`, { file, line });
}

function describeThrown(cause: unknown): string {
  if (cause instanceof RangeError) return TOO_DEEP;
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (!/alias/i.test(reason)) return `not valid YAML: ${reason}`;
  return `more than ${ALIASES_MAX} aliases resolved, or one without its anchor: write out what they repeat (${reason})`;
}

function decodeText(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}
