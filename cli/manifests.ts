/**
 * The documents of `fairlead apply -f`: files, folders or standard input, read whole before anything is sent. Each
 * document keeps its place, so that what the hub refuses is named by file and document.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { LineCounter, parseAllDocuments } from "yaml";
import { APPLY_BODY_BYTES_MAX, APPLY_DOCUMENTS_MAX } from "#core/limits.ts";
import { CliError } from "./errors.ts";
import type { Io } from "./io.ts";

export interface Manifest {
  /** `fleet/shop.yaml document 2`. */
  place: string;
  value: unknown;
}

interface Text {
  name: string;
  text: string;
}

const EXTENSION = /\.(ya?ml|json)$/;

/** Throws a CliError that names file, document and line, or the limit that is met. */
export async function readManifests(names: readonly string[], io: Io): Promise<Manifest[]> {
  const texts: Text[] = [];
  for (const name of names) texts.push(...(await readTexts(name, io)));
  const bytes = texts.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (bytes > APPLY_BODY_BYTES_MAX)
    throw new CliError(
      `${bytes} bytes are more than one apply takes (${APPLY_BODY_BYTES_MAX})`,
      "apply them in parts",
    );
  const found = texts.flatMap(parseText);
  if (found.length === 0)
    throw new CliError(`${names.join(", ")}: no document in it`, "write at least one Source, App or Cluster");
  if (found.length > APPLY_DOCUMENTS_MAX)
    throw new CliError(
      `${found.length} documents are more than one apply takes (${APPLY_DOCUMENTS_MAX})`,
      "apply them in parts",
    );
  return found;
}

async function readTexts(name: string, io: Io): Promise<Text[]> {
  if (name === "-") {
    if (io.stdin === undefined) throw new CliError("there is no standard input to read", "name a file");
    return [{ name: "standard input", text: await io.stdin() }];
  }
  const path = resolve(io.cwd, name);
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(name, error);
  });
  if (!found.isDirectory()) return [{ name, text: await readText(path, name) }];
  const files = (await readdir(path)).filter((file) => EXTENSION.test(file)).toSorted();
  if (files.length === 0)
    throw new CliError(
      `${name} holds no .yaml, .yml or .json file`,
      "name the folder that does; folders below it are not read",
    );
  return Promise.all(
    files.map(async (file) => ({
      name: join(name, file),
      text: await readText(join(path, file), join(name, file)),
    })),
  );
}

async function readText(path: string, name: string): Promise<string> {
  return readFile(path, "utf8").catch((error: unknown) => {
    throw unreadable(name, error);
  });
}

function unreadable(name: string, error: unknown): CliError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return new CliError(`${name} cannot be read (${code})`, "name a file, a folder, or - for standard input");
}

function parseText({ name, text }: Text): Manifest[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const list = Array.isArray(documents) ? documents : [];
  return list.flatMap((document, index): Manifest[] => {
    const place = `${name} document ${index + 1}`;
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw new CliError(
        `${place}, line ${line}, column ${col}: ${error.message}`,
        "correct the YAML; nothing was applied",
      );
    }
    const value = toData(document, place);
    return value === null ? [] : [{ place, value }];
  });
}

/** A document that unfolds its aliases without end is refused here: the parser counts them. */
function toData(document: { toJS(): unknown }, place: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new CliError(
      `${place}: ${error instanceof Error ? error.message : String(error)}`,
      "write it without so many aliases; nothing was applied",
    );
  }
}
