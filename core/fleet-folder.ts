/**
 * The fleet folder of a Source (`spec.apps`), decided over plain data: which files it is, what a push may never say in
 * it, when too much would go at once, and what the hub tells of it.
 */
import * as z from "zod";
import { titleOf, type Document } from "./apply-plan.ts";
import { canonicalJson } from "./digest.ts";
import type { Source } from "./source.ts";
import { sentence } from "./text.ts";

export const FLEET_FILES_MAX = 1000;
export const FLEET_BYTES_MAX = 4 * 1024 * 1024;
/** Resources of one folder. */
export const FLEET_DOCUMENTS_MAX = 5000;
/** So many may always go with one commit; above it, not more than half of the folder. */
const REMOVALS_ALWAYS = 4;
/** More than this never go at once: somebody has to say that it is meant. */
export const REMOVALS_MAX = 20;
const ERRORS_LISTED_MAX = 20;
const ERROR_CHARS_MAX = 500;

/** What the folder was like at the newest commit that was read. */
export const fleetFolderSchema = z.object({
  commit: z.string(),
  /** Resources that it keeps. */
  applied: z.number().int(),
  /** The first ones; each opens with file, document and line. */
  errors: z.array(z.string()),
  errorsTotal: z.number().int(),
  at: z.number(),
});
export type FleetFolder = z.infer<typeof fleetFolderSchema>;

export function fleetFolder(
  commit: string,
  applied: number,
  errors: readonly string[],
  at: number,
): FleetFolder {
  const listed = errors.slice(0, ERRORS_LISTED_MAX).map((error) => sentence(error, ERROR_CHARS_MAX));
  return { commit, applied, errors: listed, errorsTotal: errors.length, at };
}

export type FolderFiles = { kind: "found"; paths: string[] } | { kind: "refused"; message: string };

/** YAML and JSON below `folder` at any depth, sorted. An empty folder is a fault: a mistyped name must not prune a fleet. */
export function folderFiles(folder: string, paths: Iterable<string>): FolderFiles {
  const parts = folder.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes(".."))
    return { kind: "refused", message: `spec.apps: ${folder} leads out of the repository` };
  const prefix = parts.length === 0 ? "" : `${parts.join("/")}/`;
  const found = [...paths].filter((path) => path.startsWith(prefix) && /\.(ya?ml|json)$/.test(path)).sort();
  const nothing = "nothing is changed or pruned";
  if (found.length === 0)
    return {
      kind: "refused",
      message: `${prefix || "the repository"} holds no .yaml, .yml or .json file: ${nothing}`,
    };
  if (found.length > FLEET_FILES_MAX)
    return {
      kind: "refused",
      message: `${prefix} holds ${found.length} files, the limit is ${FLEET_FILES_MAX}: ${nothing}`,
    };
  return { kind: "found", paths: found };
}

export type FolderDocument = { kind: "taken" | "skipped" } | { kind: "refused"; message: string };

/** A push stays in its project, and never changes the Source that it comes through: that would raise its own rights. */
export function checkDocument({ place, resource }: Document, own: Source): FolderDocument {
  const { project, name } = own.metadata;
  const opening = `${place}: ${titleOf(resource)}`;
  if (resource.metadata.project !== project)
    return {
      kind: "refused",
      message: `${opening}: is of project ${resource.metadata.project}; a fleet folder acts in its own project only, here ${project}`,
    };
  if (resource.kind !== "Source" || resource.metadata.name !== name) return { kind: "taken" };
  const { resourceVersion: _, ...metadata } = resource.metadata;
  if (canonicalJson({ ...resource, metadata }) === canonicalJson(own)) return { kind: "skipped" };
  return {
    kind: "refused",
    message: `${opening}: is the Source that this folder comes through: a push cannot change it, apply it by hand`,
  };
}

/** Why `count` of `kept` resources are not removed at once; undefined where they may be. */
export function withheldRemovals(count: number, kept: number): string | undefined {
  if (count <= REMOVALS_ALWAYS || (count <= REMOVALS_MAX && count * 2 <= kept)) return undefined;
  return `withheld: this commit would remove ${count} of ${kept} resources; more than ${REMOVALS_MAX}, or more than half, go only by hand: fairlead delete, or fairlead apply --prune with --takeover`;
}
