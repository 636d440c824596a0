/** Which Sources are due: each at its own interval, with a fixed share of jitter by its name so that they spread. */
import { durationMs } from "#core/duration.ts";
import { sha256 } from "#core/digest.ts";
import type { Source } from "#core/source.ts";
import { listProjects, listResources } from "../store/resource.ts";
import { pollSource, type SourceDeps } from "./poll-source.ts";

/** When each source was polled last, by `project/name`; kept by the caller between rounds, lost without harm. */
export type LastPolled = Map<string, number>;

const PARALLEL = 5;

export function dueSources(sources: readonly Source[], last: LastPolled, now: number): Source[] {
  return sources.filter(
    (source) => now - (last.get(idOf(source)) ?? 0) >= durationMs(source.spec.poll) * jitter(source),
  );
}

const idOf = ({ metadata }: Source): string => `${metadata.project}/${metadata.name}`;

/** Between 0.9 and 1: never later than what the Source says. */
function jitter(source: Source): number {
  return 0.9 + (Number.parseInt(sha256(idOf(source)).slice(0, 4), 16) / 0xffff) * 0.1;
}

export async function pollDue(deps: SourceDeps, last: LastPolled): Promise<void> {
  const sources: Source[] = [];
  for (const project of await listProjects(deps.db))
    sources.push(...(await listResources(deps.db, "Source", project)).map(({ resource }) => resource));
  const due = dueSources(sources, last, deps.now());
  for (let start = 0; start < due.length; start += PARALLEL)
    await Promise.all(
      due.slice(start, start + PARALLEL).map(async (source) => {
        last.set(idOf(source), deps.now());
        await pollSource(deps, source);
      }),
    );
}
