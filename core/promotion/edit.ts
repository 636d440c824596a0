/**
 * One value of a YAML text, replaced where it stands: every other byte, comments and layout included, stays. The result is
 * read again, and differs in that value alone.
 */
import { isScalar, LineCounter, parseDocument, Scalar, type Document } from "yaml";
import { canonicalJson } from "../digest.ts";
import { readDocuments } from "../documents.ts";
import { quoted } from "../text-document.ts";
import { composeText } from "../yaml-compose.ts";
import { parseField } from "./path.ts";

export type Edited = { kind: "edited"; text: string } | { kind: "refused"; message: string };

const DOCUMENTS_MAX = 100;
const BYTES_MAX = 1024 * 1024;
const ALIASES_MAX = 100;

/** `name` is the file, as errors call it. The field has to be there once, with a value of one line. */
export function setField(name: string, text: string, field: string, value: string): Edited {
  const read = readDocuments(name, text, { bytesMax: BYTES_MAX, documentsMax: DOCUMENTS_MAX });
  const [error] = read.errors;
  if (error !== undefined) return refused(error);
  const steps = parseField(field) ?? [];
  const documents = compose(text);
  const having = documents.filter((document) => document.hasIn(steps));
  const place = `${name}: ${quoted(field)}`;
  if (having.length !== 1)
    return refused(
      having.length === 0
        ? `${place} is not there: write it once by hand, then it is kept up`
        : `${place} stands in ${having.length} documents of the file: keep one in it`,
    );
  const node = having[0]?.getIn(steps, true);
  const scalar = isScalar(node) ? textOf(node, value) : undefined;
  const range = isScalar(node) ? node.range : undefined;
  if (scalar === undefined || range === undefined || range === null || range[0] === range[1])
    return refused(`${place} has no value of one line: give it one, which is then replaced`);
  const next = `${text.slice(0, range[0])}${scalar}${text.slice(range[1])}`;
  having[0]?.setIn(steps, value);
  return same(documents, compose(next))
    ? { kind: "edited", text: next }
    : refused(`${place} cannot be replaced without changing more: write its value plainly`);
}

function compose(text: string): Document.Parsed[] {
  return composeText(text, new LineCounter(), DOCUMENTS_MAX).documents;
}

/** In the way it is quoted now; undefined for a block. */
function textOf({ type }: Scalar, value: string): string | undefined {
  if (type === Scalar.QUOTE_SINGLE) return `'${value.replaceAll("'", "''")}'`;
  if (type === Scalar.QUOTE_DOUBLE) return JSON.stringify(value);
  if (type !== Scalar.PLAIN) return undefined;
  // `1.20` and `12e3` would be read as numbers.
  const isText = /^[A-Za-z0-9][\w.+/-]*$/.test(value) && parseDocument(value).toJS() === value;
  return isText ? value : JSON.stringify(value);
}

function same(a: readonly Document[], b: readonly Document[]): boolean {
  const plain = (documents: readonly Document[]) =>
    canonicalJson(documents.map((one): unknown => one.toJS({ maxAliasCount: ALIASES_MAX }) ?? null));
  return plain(a) === plain(b);
}

function refused(message: string): Edited {
  return { kind: "refused", message };
}
