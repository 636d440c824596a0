/** Every release with its rollout as it was written, version by version, and what was given to clusters in its name. */
import type { Target } from "#core/release.ts";
import type { Rollout } from "#core/rollout.ts";
import { targetIndexSchema, targetPageSchema } from "#core/release.ts";

export interface Given {
  at: number;
  /** It was not healthy on what it had before: nothing is taken away from it. */
  isFree: boolean;
}

export interface Entry {
  release: number;
  startedAt: number;
  versions: { at: number; rollout: Rollout }[];
  targets: Target[];
  back: Target[];
  /** By cluster, the forward way and the way back. */
  given: Map<string, Given>;
  returned: Map<string, Given>;
  /** Clusters whose turn has come, and whether they were unhealthy then. */
  turns: Map<string, boolean>;
  /** Why a cluster should not have been moved when it was released last. */
  wrongTurns: Map<string, string>;
}

export function newestOf({ versions }: Entry): Rollout {
  const newest = versions.at(-1);
  if (newest === undefined) throw new Error("an entry without a version");
  return newest.rollout;
}

/** With what its App asked for: whoever wrote it since may have lost some of that. */
export function madeAs(entry: Entry): Rollout {
  const made = entry.versions.find(({ rollout }) => rollout.state.kind !== "withheld");
  return made?.rollout ?? newestOf(entry);
}

/** As the rollout stood at any moment from `since` on. */
export function versionsSince({ versions }: Entry, since: number): Rollout[] {
  const first = versions.findLastIndex(({ at }) => at <= since);
  return versions.slice(Math.max(0, first)).map(({ rollout }) => rollout);
}

export function targetsIn(peek: (key: string) => unknown, index: string): Target[] {
  const { pages } = targetIndexSchema.parse(peek(`targets/${index}.json.gz`));
  return pages.flatMap((page) => targetPageSchema.parse(peek(`targets/${page}.json.gz`)).targets);
}
