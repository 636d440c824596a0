/** The documents of a fleet folder, out of the kept tree: what cannot be read is told and stops nothing else. */
import type { Document } from "#core/apply-plan.ts";
import { readDocuments } from "#core/documents.ts";
import { checkDocument, FLEET_BYTES_MAX, FLEET_DOCUMENTS_MAX, folderFiles } from "#core/fleet-folder.ts";
import { inProject, parseDocument } from "#core/resource.ts";
import type { Source } from "#core/source.ts";
import { placeOf } from "#core/text-document.ts";
import type { Files } from "../release/content.ts";

export interface FolderRead {
  /** Parsed, and allowed to be said by this folder. */
  documents: Document[];
  /** Parsed, be it allowed or not: none of these is missing in Git. */
  named: Document[];
  errors: string[];
  /** Something has no name that could be read, so nothing may be taken for removed. */
  broken: boolean;
}

const LIMITS = { bytesMax: FLEET_BYTES_MAX, documentsMax: FLEET_DOCUMENTS_MAX };

export function readFolder(source: Source, folder: string, files: Files): FolderRead {
  const found = folderFiles(folder, files.keys());
  const read: FolderRead = { documents: [], named: [], errors: [], broken: false };
  if (found.kind === "refused") return { ...read, errors: [found.message], broken: true };
  let [bytes, documents] = [0, 0];
  for (const path of found.paths) {
    const content = files.get(path) ?? new Uint8Array();
    bytes += content.byteLength;
    const over =
      bytes > FLEET_BYTES_MAX
        ? `${FLEET_BYTES_MAX} bytes`
        : documents > FLEET_DOCUMENTS_MAX
          ? `${FLEET_DOCUMENTS_MAX} documents`
          : undefined;
    if (over !== undefined) {
      fail(read, `${path}: the folder holds more than ${over}: this file and those after it are not read`);
      break;
    }
    documents += readFile(read, source, path, content);
  }
  return read;
}

/** The number of documents in it. */
function readFile(read: FolderRead, source: Source, path: string, content: Uint8Array): number {
  const { documents, errors } = readDocuments(path, content, LIMITS);
  if (errors.length > 0) fail(read, ...errors);
  for (const one of documents) {
    const parsed = parseDocument({ ...one, value: inProject(one.value, source.metadata.project) });
    if (parsed.kind === "refused") {
      fail(read, ...parsed.errors);
      continue;
    }
    const document = { place: placeOf(one.name, one.number, one.line), resource: parsed.resource };
    const checked = checkDocument(document, source);
    read.named.push(document);
    if (checked.kind === "taken") read.documents.push(document);
    if (checked.kind === "refused") read.errors.push(checked.message);
  }
  return documents.length;
}

function fail(read: FolderRead, ...errors: string[]): void {
  read.errors.push(...errors);
  read.broken = true;
}
