/** An App that others wait for, as far as the hub could know of it: whether it stands on a cluster, on its release in force. */
import { placementSchema, type Placement } from "#core/placement.ts";
import type { Item } from "../../../functions/store/db.ts";
import { inForce } from "../../../functions/store/state.ts";
import type { Entry } from "./ledger.ts";
import { versionsSince } from "./ledger.ts";

interface Version<T> {
  at: number;
  is: T;
}

export class Needs {
  readonly #entries: ReadonlyMap<number, Entry>;
  readonly #now: () => number;
  /** Which release was in force; 0: none ever was; undefined: it was looked at, and is for no cluster. */
  readonly #inForce: Version<number | undefined>[] = [];
  /** Whether the App was there, and not about to go. */
  readonly #kept: Version<boolean>[] = [];
  readonly #placements = new Map<string, Version<Placement | undefined>[]>();

  /** `entries` of its own releases. */
  constructor(entries: ReadonlyMap<number, Entry>, now: () => number) {
    this.#entries = entries;
    this.#now = now;
  }

  record(item: Item): void {
    const { release, rolling } = item as { release: number; rolling?: number };
    const isForNobody = release === 0 && item["error"] === undefined && item["withheld"] === undefined;
    this.#inForce.push({ at: this.#now(), is: isForNobody ? undefined : inForce({ release, rolling }) });
  }

  resource(item: Item | undefined): void {
    this.#kept.push({ at: this.#now(), is: item !== undefined && item["deleting"] !== true });
  }

  placement(cluster: string, item: Item | undefined): void {
    const known = this.#placements.get(cluster) ?? [];
    this.#placements.set(cluster, known);
    known.push({ at: this.#now(), is: item === undefined ? undefined : placementSchema.parse(item) });
  }

  /** Whether whoever read all of it at moments since then could only find that the cluster waits. */
  isMissingSince(cluster: string, since: number): boolean {
    return wasSince(this.#inForce, since, 0).every((release) =>
      release === 0
        ? wasSince(this.#kept, since, false).every((isKept) => isKept)
        : this.#isMissing(release, cluster, since, (isThere) => isThere.every((one) => !one)),
    );
  }

  /** Whether its rollout was over without this cluster at some moment since then: nobody waits for it then. */
  wasPassedOnce(cluster: string, since: number): boolean {
    return wasSince(this.#inForce, since, 0).some((release) => {
      const entry = this.#entries.get(release ?? 0);
      const isOver =
        entry !== undefined && versionsSince(entry, since).some(({ state }) => state.kind === "succeeded");
      return isOver && this.#isMissing(release, cluster, since, (isThere) => isThere.some((one) => !one));
    });
  }

  #isMissing(
    release: number | undefined,
    cluster: string,
    since: number,
    judge: (isThere: readonly boolean[]) => boolean,
  ): boolean {
    const target = this.#entries.get(release ?? 0)?.targets.find((one) => one.cluster === cluster);
    if (target === undefined || target.action === "remove") return false;
    const placements = wasSince(this.#placements.get(cluster) ?? [], since, undefined);
    return judge(
      placements.map(
        (placement) =>
          placement?.observed?.phase === "healthy" && placement.observed.generation === target.generation,
      ),
    );
  }
}

/** What it was at that moment, and all that it has been since. */
function wasSince<T>(versions: readonly Version<T>[], since: number, before: T): T[] {
  const first = versions.findLastIndex(({ at }) => at <= since);
  const later = versions.slice(Math.max(0, first)).map(({ is }) => is);
  return first === -1 ? [before, ...later] : later;
}
