/**
 * YAML and JSON text as people write it, to documents that know their lines. Never throws for what a text holds, and
 * never does unbounded work for it: bytes, documents, parts, depth and aliases have limits that stand in the error.
 * A document that cannot be read is told and left out; those beside it are read all the same.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter } from "yaml";
import type { Document, Node, Pair } from "yaml";
import { APPLY_BODY_BYTES_MAX, APPLY_DOCUMENTS_MAX } from "./limits.ts";
import { sentence } from "./text.ts";
import { placeOf, quoted, type TextDocument } from "./text-document.ts";
import { composeText, DEPTH_MAX, PARTS_MAX, TOO_DEEP, type Problem } from "./yaml-compose.ts";

export interface ReadDocuments {
  documents: TextDocument[];
  /** One for each document, or whole text, that cannot be read; each opens with its place. */
  errors: string[];
  /** A limit of the whole text was met: what comes after it was not read. */
  over: boolean;
}

export interface TextLimits {
  bytesMax: number;
  documentsMax: number;
}

const APPLY_LIMITS: TextLimits = { bytesMax: APPLY_BODY_BYTES_MAX, documentsMax: APPLY_DOCUMENTS_MAX };
const ALIASES_MAX = 100;

/** Empty documents are left out. Bytes that are no UTF-8 are an error, never a replacement character. */
export function readDocuments(
  name: string,
  content: Uint8Array | string,
  { bytesMax, documentsMax }: TextLimits = APPLY_LIMITS,
): ReadDocuments {
  const called = name === "" ? "the text" : sentence(name);
  const bytes = typeof content === "string" ? new TextEncoder().encode(content).length : content.length;
  if (bytes > bytesMax)
    return unread(`${called}: ${bytes} bytes, the limit is ${bytesMax}: take it in parts`, true);
  const text = typeof content === "string" ? content : decode(content);
  if (text === undefined) return unread(`${called}: is no text in UTF-8: store it as UTF-8`, false);
  const lines = new LineCounter();
  const { documents, problem } = composeText(text, lines, documentsMax);
  const found: ReadDocuments = { documents: [], errors: [], over: problem !== undefined };
  for (const [index, document] of documents.entries()) {
    const read = readDocument(document, lines);
    const number = index + 1;
    if (read.kind === "refused")
      found.errors.push(`${placeOf(name, number, lineAt(lines, read.offset))}: ${read.message}`);
    else if (read.value !== null && read.value !== undefined) {
      const lineOf = (path: readonly PropertyKey[]): number => lineAt(lines, offsetOf(document, path));
      found.documents.push({ name, number, line: lineOf([]), value: read.value, lineOf });
    }
  }
  if (problem !== undefined)
    found.errors.push(
      `${placeOf(name, documents.length + 1, lineAt(lines, problem.offset))}: ${problem.message}`,
    );
  return found;
}

function unread(message: string, over: boolean): ReadDocuments {
  return { documents: [], errors: [message], over };
}

function decode(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}

function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

type Read = { kind: "read"; value: unknown } | ({ kind: "refused" } & Problem);

function readDocument(document: Document.Parsed, lines: LineCounter): Read {
  const [error] = document.errors;
  if (error !== undefined) {
    const message = syntaxMessage(error.code, error.message);
    const { col } = lines.linePos(error.pos[0]);
    return { kind: "refused", offset: error.pos[0], message: `column ${col}: ${message}` };
  }
  const problem = inspect(document.contents, 0);
  if (problem !== undefined) return { kind: "refused", ...problem };
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    const left = countDown(value, PARTS_MAX, 0);
    if (left >= 0) return { kind: "read", value };
  } catch (error) {
    // An alias without an anchor, or more of them than the library unfolds.
    const message = `${sentence(String(error))}: write out what the aliases repeat (at most ${ALIASES_MAX} of one anchor)`;
    return { kind: "refused", offset: offsetOf(document, []), message };
  }
  const message = `unfolds to more than ${PARTS_MAX} values, or ${DEPTH_MAX} deep: write it without so many aliases`;
  return { kind: "refused", offset: offsetOf(document, []), message };
}

function syntaxMessage(code: string, message: string): string {
  if (code === "TAB_AS_INDENT") return "a tab indents here: YAML takes spaces only";
  if (code === "RESOURCE_EXHAUSTION") return TOO_DEEP;
  return `not valid YAML: ${sentence(message)}`;
}

/** Tags, keys that stand twice, depth: what the parser lets pass. */
function inspect(node: unknown, depth: number): Problem | undefined {
  if (depth > DEPTH_MAX) return { offset: startOf(node), message: TOO_DEEP };
  if ((isScalar(node) || isMap(node) || isSeq(node)) && node.tag !== undefined)
    return {
      offset: startOf(node),
      message: `the tag ${quoted(node.tag)}: tags are not read here, write the plain value`,
    };
  if (isSeq(node)) return firstOf(node.items, (item) => inspect(item, depth + 1));
  if (!isMap(node)) return undefined;
  const seen = new Set<string>();
  return firstOf(node.items, (pair) => {
    const key = keyOf(pair);
    if (seen.has(key))
      return { offset: startOf(pair.key), message: `${quoted(key)} stands twice in one mapping: keep one` };
    seen.add(key);
    return inspect(pair.key, depth + 1) ?? inspect(pair.value, depth + 1);
  });
}

function firstOf<T>(items: readonly T[], look: (item: T) => Problem | undefined): Problem | undefined {
  for (const item of items) {
    const problem = look(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : String(key);
}

/** What is left of `budget` once every value is counted, shared ones as often as they stand; below 0: too many, or too deep. */
function countDown(value: unknown, budget: number, depth: number): number {
  if (depth > DEPTH_MAX) return -1;
  let left = budget - 1;
  if (typeof value !== "object" || value === null) return left;
  for (const member of Object.values(value)) {
    if (left < 0) return left;
    left = countDown(member, left, depth + 1);
  }
  return left;
}

function startOf(node: unknown): number {
  return (node as Node | null)?.range?.[0] ?? 0;
}

/** A mapping's value is found by its key: that is where people look. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = node === null ? document.range[0] : startOf(node);
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((one) => keyOf(one) === String(step));
      if (pair === undefined) break;
      offset = startOf(pair.key);
      node = pair.value;
    } else if (isSeq(node) && Number(step) < node.items.length) {
      node = node.items[Number(step)];
      offset = startOf(node);
    } else break;
  }
  return offset;
}
