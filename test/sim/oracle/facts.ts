/** What is true of clusters, whatever the hub believes: when each was heard, and since when it is healthy on what. */
import { isDeepStrictEqual } from "node:util";
import { clusterHoldSchema, holdFor, type ClusterHold } from "#core/hold.ts";
import { SILENT_AFTER_MS } from "#core/limits.ts";
import { placementSchema } from "#core/placement.ts";
import type { Item } from "../../../functions/store/db.ts";

export class Facts {
  /** First moment at which a cluster was healthy on a generation. */
  readonly #healthy = new Map<string, number>();
  /** First moment at which a cluster's failure on a generation was told. */
  readonly #failed = new Map<string, number>();
  readonly #heardAt = new Map<string, number>();
  readonly #silentUntil = new Map<string, number>();
  readonly #unhealthyUntil = new Map<string, number>();
  /** By cluster, what the hub was told of its holds, version by version. */
  readonly #holds = new Map<string, { at: number; holds: ClusterHold }[]>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  healthy(cluster: string, generation: number): void {
    const key = `${cluster} ${generation}`;
    if (!this.#healthy.has(key)) this.#healthy.set(key, this.#now());
  }

  healthyAt(cluster: string, generation: number): number | undefined {
    return this.#healthy.get(`${cluster} ${generation}`);
  }

  failedAt(cluster: string, generation: number): number | undefined {
    return this.#failed.get(`${cluster} ${generation}`);
  }

  /** A heartbeat was written. */
  beat(item: Item | undefined): void {
    if (item === undefined) return;
    const cluster = String(item["cluster"]);
    this.#hold(cluster, clusterHoldSchema.parse(item["holds"] ?? {}));
    const heardAt = Number(item["heardAt"]);
    const before = this.#heardAt.get(cluster);
    if (before === undefined || this.#now() - before > SILENT_AFTER_MS)
      this.#silentUntil.set(cluster, this.#now());
    this.#heardAt.set(cluster, heardAt);
  }

  #hold(cluster: string, holds: ClusterHold): void {
    const known = this.#holds.get(cluster) ?? [];
    this.#holds.set(cluster, known);
    if (isDeepStrictEqual(known.at(-1)?.holds ?? {}, holds)) return;
    known.push({ at: this.#now(), holds });
  }

  /** Whether whoever read it at any moment since then read a hold that was still in force `toleranceMs` from now. */
  wasHeldSince(cluster: string, app: string, since: number, toleranceMs: number): boolean {
    const all = this.#holds.get(cluster) ?? [];
    const first = all.findLastIndex(({ at }) => at <= since);
    if (first === -1) return false;
    const until = this.#now() + toleranceMs;
    return all.slice(first).every(({ holds }) => holdFor(holds, app, until) !== undefined);
  }

  /** Whether some hold was in force at some moment since then. */
  wasHeldOnce(cluster: string, app: string, since: number, toleranceMs: number): boolean {
    const all = this.#holds.get(cluster) ?? [];
    const first = Math.max(
      0,
      all.findLastIndex(({ at }) => at <= since),
    );
    return all.slice(first).some(({ holds }) => holdFor(holds, app, since - toleranceMs) !== undefined);
  }

  /** A placement was written: what the hub could know at that moment. */
  placement(before: Item | undefined, after: Item | undefined): void {
    if (before !== undefined && isUnhealthy(before))
      this.#unhealthyUntil.set(placementSchema.parse(before).cluster, this.#now());
    if (after === undefined) return;
    const { cluster, observed } = placementSchema.parse(after);
    if (isUnhealthy(after)) this.#unhealthyUntil.set(cluster, Number.POSITIVE_INFINITY);
    const key = `${cluster} ${observed?.generation ?? 0}`;
    const isFailed = observed?.phase === "failed" || observed?.phase === "refused";
    if (isFailed && !this.#failed.has(key)) this.#failed.set(key, this.#now());
  }

  /** Whether the hub could see at some moment since then that the cluster was not healthy on what it had. */
  wasUnhealthySince(cluster: string, since: number): boolean {
    return (this.#unhealthyUntil.get(cluster) ?? Number.NEGATIVE_INFINITY) >= since;
  }

  /** Whether it was silent at that moment, and has not been heard since. */
  isSilentSince(cluster: string, since: number): boolean {
    return since - (this.#heardAt.get(cluster) ?? Number.NEGATIVE_INFINITY) > SILENT_AFTER_MS;
  }

  /** Whether the cluster was not heard for the time that counts as silence, at some moment since then. */
  wasSilentSince(cluster: string, since: number, toleranceMs: number): boolean {
    const heardAt = this.#heardAt.get(cluster);
    if (heardAt === undefined || this.#now() - heardAt > SILENT_AFTER_MS - toleranceMs) return true;
    // Its beat may have been there already, and an old read did not see it.
    return (this.#silentUntil.get(cluster) ?? Number.NEGATIVE_INFINITY) >= since - toleranceMs;
  }
}

function isUnhealthy(item: Item): boolean {
  const { assigned, observed } = placementSchema.parse(item);
  if (assigned === undefined) return false;
  return observed?.generation !== assigned.generation || observed.phase !== "healthy";
}
