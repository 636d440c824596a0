/** A document of a text, and how an error names its place. Apart from the reader, which brings a parser of YAML along. */
import { sentence } from "./text.ts";

export interface TextDocument {
  /** The file, as it is called in errors; empty for a text without a name. */
  name: string;
  /** From 1, empty documents counted. */
  number: number;
  /** Where its content begins, from 1. */
  line: number;
  value: unknown;
  /** The line of what `path` leads to, or of the nearest thing above it. */
  lineOf: (path: readonly PropertyKey[]) => number;
}

/** A word from outside, as it stands in an error. */
export function quoted(word: string): string {
  return `\`${sentence(word, 60)}\``;
}

/** `fleet/shop.yaml: document 2, line 14`; without a name `document 2, line 14`. */
export function placeOf(name: string, document: number, line?: number): string {
  const place = `${name === "" ? "" : `${sentence(name)}: `}document ${document}`;
  return line === undefined ? place : `${place}, line ${line}`;
}
