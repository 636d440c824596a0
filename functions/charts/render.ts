/**
 * What a render of a pulled chart sees: the chart in a folder of its own, and of the repository the values files that are
 * named, and nothing else.
 */
import { posix } from "node:path";
import type { FoundChart } from "#core/chart-state.ts";
import type { ChartRef } from "#core/chart.ts";
import { sha256 } from "#core/digest.ts";
import type { ObjectStore } from "../objects/port.ts";
import { unpackChart, type ChartFiles } from "./archive.ts";
import { archiveKey } from "./find.ts";

export interface PulledChart {
  /** Names chart and version, as errors show it. */
  readonly folder: string;
  readonly files: ChartFiles;
}

/** From the object store alone: the same release renders again without any repository. */
export async function pulledChart(
  objects: Pick<ObjectStore, "get">,
  { name }: ChartRef,
  { version, digest }: FoundChart,
): Promise<PulledChart> {
  const archive = await objects.get(archiveKey(digest));
  if (archive === undefined) throw new Error(`the object store has no ${archiveKey(digest)}`);
  if (sha256(archive) !== digest)
    throw new Error(`${archiveKey(digest)} has another content than its name says`);
  return { folder: `.charts/${name}-${version}`, files: await unpackChart(archive) };
}

/** `valuesFiles` run from the root of the repository. What it has in the chart's place is covered by the chart. */
export function filesFor(
  { folder, files }: PulledChart,
  repository: ReadonlyMap<string, Uint8Array>,
  valuesFiles: readonly string[],
): Map<string, Uint8Array> {
  const seen = new Map<string, Uint8Array>();
  for (const file of valuesFiles) {
    const path = posix.join("/", file).slice(1);
    const content = repository.get(path);
    if (content !== undefined && !path.startsWith(`${folder}/`)) seen.set(path, content);
  }
  for (const [path, content] of files) seen.set(`${folder}/${path}`, content);
  return seen;
}
