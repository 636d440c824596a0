/**
 * The documents of `fairlead apply -f`: files, folders or standard input, read whole before anything is sent. Each
 * document keeps its place and its lines, so that what is refused, here or by the hub, is named by file and line.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readDocuments } from "#core/documents.ts";
import type { TextDocument } from "#core/text-document.ts";
import { APPLY_BODY_BYTES_MAX, APPLY_DOCUMENTS_MAX } from "#core/limits.ts";
import { CliError } from "./errors.ts";
import type { Io } from "./io.ts";

interface Content {
  name: string;
  bytes: Uint8Array;
}

const EXTENSION = /\.(ya?ml|json)$/;
const FIX = "correct what is named; nothing was applied";

/** Throws a CliError that names file, document and line, or the limit that is met. */
export async function readManifests(names: readonly string[], io: Io): Promise<TextDocument[]> {
  const contents: Content[] = [];
  for (const name of names) contents.push(...(await readContents(name, io)));
  const bytes = contents.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  if (bytes > APPLY_BODY_BYTES_MAX)
    throw new CliError(
      `${bytes} bytes are more than one apply takes (${APPLY_BODY_BYTES_MAX})`,
      "apply them in parts",
    );
  const read = contents.map(({ name, bytes }) => readDocuments(name, bytes));
  const errors = read.flatMap(({ errors }) => errors);
  if (errors.length > 0) throw new CliError(errors.join("\n  "), FIX);
  const found = read.flatMap(({ documents }) => documents);
  if (found.length === 0)
    throw new CliError(`${names.join(", ")}: no document in it`, "write at least one Source, App or Cluster");
  if (found.length > APPLY_DOCUMENTS_MAX)
    throw new CliError(
      `${found.length} documents are more than one apply takes (${APPLY_DOCUMENTS_MAX})`,
      "apply them in parts",
    );
  return found;
}

async function readContents(name: string, io: Io): Promise<Content[]> {
  if (name === "-") {
    if (io.stdin === undefined) throw new CliError("there is no standard input to read", "name a file");
    return [{ name: "standard input", bytes: new TextEncoder().encode(await io.stdin()) }];
  }
  const path = resolve(io.cwd, name);
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(name, error);
  });
  if (!found.isDirectory()) return [{ name, bytes: await readBytes(path, name) }];
  const files = (await readdir(path)).filter((file) => EXTENSION.test(file)).toSorted();
  if (files.length === 0)
    throw new CliError(
      `${name} holds no .yaml, .yml or .json file`,
      "name the folder that does; folders below it are not read",
    );
  return Promise.all(
    files.map(async (file) => ({
      name: join(name, file),
      bytes: await readBytes(join(path, file), join(name, file)),
    })),
  );
}

async function readBytes(path: string, name: string): Promise<Uint8Array> {
  return readFile(path).catch((error: unknown) => {
    throw unreadable(name, error);
  });
}

function unreadable(name: string, error: unknown): CliError {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return new CliError(`${name} cannot be read (${code})`, "name a file, a folder, or - for standard input");
}
