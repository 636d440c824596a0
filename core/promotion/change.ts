/**
 * What a promotion writes: the files it wants below its folder, held against what stands there. Only plain files are
 * written, and only where no link, submodule or file is in the way: Git would write through none, but a person reading the
 * commit could not tell.
 */
import { createHash } from "node:crypto";
import { quoted } from "../text-document.ts";
import { fitsGlob } from "../glob.ts";
import type { PromotionSpec } from "../promotion.ts";
import { setField } from "./edit.ts";
import { baseOf, isSafePath } from "./path.ts";

export interface Entry {
  /** Of the blob; of a submodule its commit. */
  id: string;
  mode: string;
}
/** By the whole path, of everything below a folder but folders. */
export type Entries = ReadonlyMap<string, Entry>;
export type Contents = ReadonlyMap<string, Uint8Array>;

export interface FileChange {
  path: string;
  mode: string;
  /** The blob that stands there; absent: none. */
  before: string | undefined;
  /** Absent: the file goes. */
  after: Uint8Array | undefined;
}

/** What `set` takes, of the promoted release. */
export interface PromotedValues {
  commit: string;
  chart: string | undefined;
  /** Tags in use, by the name of the image. */
  images: ReadonlyMap<string, readonly string[]>;
}

export const PROMOTED_FILES_MAX = 200;
export const PROMOTED_BYTES_MAX = 4 * 1024 * 1024;

const FILE = "100644";
const FILES = [FILE, "100755"];

export type Wanted = { kind: "wanted"; files: Map<string, Uint8Array> } | Refused;
interface Refused {
  kind: "refused";
  message: string;
}

/** The files of `change.copy`, at their new places. */
export function copiedFiles({ to, change }: PromotionSpec, tree: Contents): Wanted {
  const files = new Map<string, Uint8Array>();
  for (const pattern of change.copy) {
    const base = baseOf(pattern);
    const found = [...tree.keys()].filter((path) => fitsGlob(pattern, path));
    if (found.length === 0)
      return refused(
        `change.copy: ${quoted(pattern)} is nowhere in the promoted commit: correct the pattern`,
      );
    for (const path of found) {
      const place = `${to.path}/${base === "" ? path : path.slice(base.length + 1)}`;
      if (!isSafePath(place))
        return refused(`${quoted(path)} has no name that is written elsewhere: rename it`);
      if (files.has(place)) return refused(`${quoted(place)} would come from two files: narrow change.copy`);
      files.set(place, tree.get(path) ?? new Uint8Array());
    }
  }
  return bounded(files);
}

/** Files that `change.set` edits and no copy brings: they are read where they stand. */
export function editedPaths({ to, change }: PromotionSpec, copied: Contents): string[] {
  const paths = change.set.map(({ file }) => `${to.path}/${file}`);
  return [...new Set(paths)].filter((path) => !copied.has(path));
}

/** `change.set` over copies and over what stands there. */
export function withValues(
  { to, change }: PromotionSpec,
  files: Contents,
  standing: Contents,
  values: PromotedValues,
): Wanted {
  const wanted = new Map(files);
  for (const { file, field, from, image } of change.set) {
    const path = `${to.path}/${file}`;
    const content = wanted.get(path) ?? standing.get(path);
    if (content === undefined)
      return refused(`change.set: there is no ${quoted(path)}: make it, with the field`);
    const value = valueOf(from, image, values);
    if (value.kind === "refused") return value;
    const edited = setField(path, decode(content) ?? "\u0000", field, value.text);
    if (edited.kind === "refused") return edited;
    wanted.set(path, new TextEncoder().encode(edited.text));
  }
  return bounded(wanted);
}

type Value = { kind: "value"; text: string } | Refused;

function valueOf(
  from: "commit" | "image" | "chart",
  image: string | undefined,
  values: PromotedValues,
): Value {
  if (from === "commit") return { kind: "value", text: values.commit };
  if (from === "chart")
    return values.chart === undefined
      ? refused("change.set: the App has no chart of its own (spec.chart): take commit or image")
      : { kind: "value", text: values.chart };
  const tags = values.images.get(image ?? "") ?? [];
  const [tag] = tags;
  if (tag !== undefined && tags.length === 1) return { kind: "value", text: tag };
  const found = tags.length === 0 ? "with no tag" : `with several tags (${tags.slice(0, 5).join(", ")})`;
  return refused(
    `change.set: the release runs ${quoted(image ?? "")} ${found}: name an image that it runs with one`,
  );
}

/** To bring `entries` to `files`, without `gone`. Equal files are left out. */
export function changesTo(
  entries: Entries,
  files: Contents,
  gone: readonly string[],
): { kind: "changes"; changes: FileChange[] } | Refused {
  const changes: FileChange[] = [];
  for (const [path, after] of files) {
    const obstacle = obstacleAt(path, entries);
    if (obstacle !== undefined) return refused(obstacle);
    const before = entries.get(path);
    if (before?.id !== blobId(after))
      changes.push({ path, mode: before?.mode ?? FILE, before: before?.id, after });
  }
  for (const path of gone) {
    const before = entries.get(path);
    if (before !== undefined && !files.has(path) && FILES.includes(before.mode))
      changes.push({ path, mode: before.mode, before: before.id, after: undefined });
  }
  return { kind: "changes", changes: changes.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

function obstacleAt(path: string, entries: Entries): string | undefined {
  const there = entries.get(path);
  if (there !== undefined && !FILES.includes(there.mode))
    return `${quoted(path)} is a link or a submodule: put a file there, or promote elsewhere`;
  const parts = path.split("/");
  const above = parts.map((_, index) => parts.slice(0, index).join("/")).find((one) => entries.has(one));
  if (above !== undefined) return `${quoted(above)} is no folder: a file cannot be put below it`;
  for (const other of entries.keys())
    if (other.startsWith(`${path}/`)) return `${quoted(path)} is a folder: a file cannot take its place`;
  return undefined;
}

/** Git's own name of a file's content. */
export function blobId(content: Uint8Array): string {
  return createHash("sha1").update(`blob ${content.byteLength}\0`).update(content).digest("hex");
}

function bounded(files: Map<string, Uint8Array>): Wanted {
  const bytes = [...files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (files.size <= PROMOTED_FILES_MAX && bytes <= PROMOTED_BYTES_MAX) return { kind: "wanted", files };
  return refused(
    `${files.size} files of ${bytes} bytes are more than ${PROMOTED_FILES_MAX} files or ${PROMOTED_BYTES_MAX} bytes at once: narrow change.copy`,
  );
}

function decode(content: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    return undefined;
  }
}

function refused(message: string): Refused {
  return { kind: "refused", message };
}
