/**
 * Decides what a folder of a repository is and which files its render may see. Nothing above the root exists: a path
 * that points there is refused, not followed.
 */
import { sha256 } from "#core/digest.ts";
import { FILE_BYTES_MAX, FILES_MAX, INPUT_BYTES_MAX, mebibytes } from "./limits.ts";
import { CHART_NAME } from "./helm.ts";
import { JSONNET_MAIN } from "./jsonnet.ts";
import { foldersOf, namesBelow } from "./pack.ts";
import { mergeReads, namesDigest, type Reads } from "./reads.ts";
import { failed } from "./result.ts";
import type { RenderFailure } from "./result.ts";

export type RepositoryFiles = ReadonlyMap<string, Uint8Array>;

type SelectedFiles = ReadonlyArray<readonly [path: string, content: Uint8Array]>;

/** `folder` is clean, "" for the root. */
export type Selection =
  | { kind: "yaml" | "kustomize" | "helm" | "jsonnet"; folder: string; files: SelectedFiles }
  | RenderFailure;

const KUSTOMIZATION_NAMES = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const MANIFEST_NAME = /\.(?:yaml|yml|json)$/;

/** What to render for `path`, which runs from the root of the repository; a chart is one whatever else lies in it. */
export function select(files: RepositoryFiles, path: string, isChart = false): Selection {
  const folder = cleanPath(path);
  if (folder === undefined) return failed(`path ${path} leaves the repository: name a folder inside of it`);
  if (files.has(folder))
    return failed(`path ${folder} is a file: name the folder that it lies in`, { file: folder });
  const folders = foldersOf(files.keys());
  if (!folders.has(folder)) return failed(missing(folder, folders));
  if (isChart) return selectAll("helm", files, folder);
  if (kustomizationIn(files, folder) !== undefined) return selectAll("kustomize", files, folder);
  if (files.has(inFolder(folder, CHART_NAME))) return selectAll("helm", files, folder);
  if (files.has(inFolder(folder, JSONNET_MAIN))) return selectAll("jsonnet", files, folder);
  return selectManifests(files, folder);
}

/** The kustomization file of a folder, if it has one. */
export function kustomizationIn(files: RepositoryFiles, folder: string): string | undefined {
  const names = KUSTOMIZATION_NAMES.map((name) => inFolder(folder, name));
  return names.find((name) => files.has(name));
}

/** The engine's own reads, and those that chose what the folder is: one more kustomization file makes it another thing. */
export function readsOf(
  { kind, folder, files: selected }: Exclude<Selection, RenderFailure>,
  files: RepositoryFiles,
  taken: Reads,
): Reads {
  const absent = choosing(kind)
    .map((name) => inFolder(folder, name))
    .filter((path) => !files.has(path));
  const found = Object.fromEntries(absent.map((path) => [path, "-"]));
  if (kind !== "yaml") return mergeReads({ found, listed: {} }, taken);
  const contents = selected.map(([path, content]) => [path, sha256(content)] as const);
  const listed = { [folder]: namesDigest(namesBelow(files, folder)) };
  return { found: { ...found, ...Object.fromEntries(contents) }, listed };
}

/** Names that would make the folder another thing than it is. */
function choosing(kind: Exclude<Selection, RenderFailure>["kind"]): string[] {
  const order = [KUSTOMIZATION_NAMES, [CHART_NAME], [JSONNET_MAIN]];
  return order.slice(0, ["kustomize", "helm", "jsonnet", "yaml"].indexOf(kind)).flat();
}

/** Without `.`, doubled slashes and ends; `undefined` when it leaves the root. */
function cleanPath(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

function missing(folder: string, folders: ReadonlySet<string>): string {
  let nearest = folder;
  while (!folders.has(nearest)) nearest = nearest.slice(0, Math.max(0, nearest.lastIndexOf("/")));
  const hint =
    nearest === "" ? "no folder on the way to it does" : `the nearest folder that does is ${nearest}`;
  return `path ${folder} does not exist in the repository at this commit: ${hint}`;
}

/** A kustomization, a chart's values files, and imports may point anywhere in the repository: they see all of it. */
function selectAll(
  kind: "kustomize" | "helm" | "jsonnet",
  files: RepositoryFiles,
  folder: string,
): Selection {
  const selected = [...files].filter(([, content]) => content.length <= FILE_BYTES_MAX);
  return withinLimits({ kind, folder, files: selected }, "keep what is deployed in a smaller repository");
}

function selectManifests(files: RepositoryFiles, folder: string): Selection {
  const selected = [...files].filter(([file]) => isManifest(file, folder)).sort(byPath);
  for (const [file, content] of selected) {
    if (KUSTOMIZATION_NAMES.includes(file.slice(file.lastIndexOf("/") + 1))) {
      const fix = `name its folder as the path, or add ${inFolder(folder, "kustomization.yaml")}`;
      return failed(`a kustomization lies inside of a folder of plain YAML: ${fix}`, { file });
    }
    if (content.length > FILE_BYTES_MAX) {
      return failed(
        `the file has ${mebibytes(content.length)}, the limit is ${mebibytes(FILE_BYTES_MAX)}: split it`,
        {
          file,
        },
      );
    }
  }
  return withinLimits({ kind: "yaml", folder, files: selected }, "split the folder into several Apps");
}

/** A file of the folder, at any depth, that is neither hidden nor in a hidden folder. */
function isManifest(file: string, folder: string): boolean {
  const start = folder === "" ? 0 : folder.length + 1;
  const inside = folder === "" || file.startsWith(`${folder}/`);
  const isKustomization = file.endsWith("/Kustomization");
  return inside && (MANIFEST_NAME.test(file) || isKustomization) && !/(?:^|\/)\./.test(file.slice(start));
}

function withinLimits(selection: Exclude<Selection, RenderFailure>, fix: string): Selection {
  const count = selection.files.length;
  if (count > FILES_MAX) return failed(`the render sees ${count} files, the limit is ${FILES_MAX}: ${fix}`);
  const bytes = selection.files.reduce((sum, [, content]) => sum + content.length, 0);
  if (bytes > INPUT_BYTES_MAX) {
    return failed(`the render sees ${mebibytes(bytes)}, the limit is ${mebibytes(INPUT_BYTES_MAX)}: ${fix}`);
  }
  return selection;
}

function byPath([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function inFolder(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
