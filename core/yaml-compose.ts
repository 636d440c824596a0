/**
 * YAML text to documents of the `yaml` library, one by one and lexeme by lexeme: what goes above a limit is seen before
 * the parser builds it, so hostile text costs no more than good text of the limit's size.
 */
import { Composer, Lexer, Parser, type Document, type LineCounter } from "yaml";

/** Keys, values and list items of one text; also of one document once its aliases are unfolded. */
export const PARTS_MAX = 100_000;
export const DEPTH_MAX = 50;
export const TOO_DEEP = `nested more than ${DEPTH_MAX} deep: write it flatter`;

export interface Problem {
  offset: number;
  message: string;
}

export interface Composed {
  documents: Document.Parsed[];
  /** The limit that ended the work. */
  problem?: Problem;
}

/** Document by document, so that the first one above a limit ends the work. */
export function composeText(text: string, lines: LineCounter, documentsMax: number): Composed {
  lines.addNewLine(0);
  const parser = new Parser(lines.addNewLine);
  // Unique keys are checked while reading: the composer would compare each key with each.
  const composer = new Composer({ uniqueKeys: false, stringKeys: true, prettyErrors: false });
  const documents: Document.Parsed[] = [];
  const watch = watcher();
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const message = watch(lexeme);
    if (message !== undefined) return { documents, problem: { offset, message } };
    offset += CONTROL.has(lexeme) ? 0 : lexeme.length;
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    if (documents.length > documentsMax) return cut(documents, documentsMax);
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(false, text.length));
  return documents.length > documentsMax ? cut(documents, documentsMax) : { documents };
}

function cut(documents: Document.Parsed[], documentsMax: number): Composed {
  const offset = documents[documentsMax]?.range[0] ?? 0;
  const message = `more than ${documentsMax} documents: take them in parts`;
  return { documents: documents.slice(0, documentsMax), problem: { offset, message } };
}

/** What the lexer puts in between: of a document's start, a flow's end, a scalar's start. */
const CONTROL = new Set(["\u0002", "\u0018", "\u001F"]);
const SCALAR = "\u001F";
const OPENS = new Set(["[", "{"]);
const CLOSES = new Set(["]", "}"]);
/** `- - - x` nests without indentation. */
const NESTS = new Set(["-", "?"]);

/** Says what is too much, before the parser builds it. */
function watcher(): (lexeme: string) => string | undefined {
  let [parts, depth, inLine, afterMark] = [0, 0, 0, false];
  return (lexeme) => {
    const isText = afterMark;
    afterMark = lexeme === SCALAR;
    if (isText) return undefined;
    if (lexeme === "\n" || lexeme === "\r\n") inLine = 0;
    if (OPENS.has(lexeme)) depth += 1;
    if (CLOSES.has(lexeme)) depth = Math.max(0, depth - 1);
    if (NESTS.has(lexeme)) inLine += 1;
    if (lexeme === SCALAR || OPENS.has(lexeme) || NESTS.has(lexeme) || lexeme.startsWith("*")) parts += 1;
    if (depth > DEPTH_MAX || inLine > DEPTH_MAX) return TOO_DEEP;
    return parts > PARTS_MAX ? `more than ${PARTS_MAX} values: take it in parts` : undefined;
  };
}
