/** The same finding of many clusters, told once: with the first ones' names, and how many there are. */
import { findingsOf, type Finding, type Findings } from "./finding.ts";
import { clusterNames, CLUSTERS_NAMED_MAX } from "./text.ts";

/** Distinct ones that are told apart; bundles have ten thousand objects at most. */
const GATHERED_MAX = 20_000;

export class Gathered<T> {
  readonly #all = new Map<string, { what: T; names: string[]; total: number }>();

  /** Equal keys are one finding. */
  note(key: string, what: T, clusters: readonly string[]): void {
    const held = this.#all.get(key) ?? { what, names: [], total: 0 };
    held.names.push(...clusters.slice(0, CLUSTERS_NAMED_MAX - held.names.length));
    held.total += clusters.length;
    if (this.#all.size < GATHERED_MAX) this.#all.set(key, held);
  }

  /** In the order in which they were noted. */
  tell(keep: (what: T) => boolean, finding: (what: T, where: string) => Finding): Findings {
    const kept = [...this.#all.values()].filter(({ what }) => keep(what));
    return findingsOf(kept.map(({ what, names, total }) => finding(what, clusterNames(names, total))));
  }
}
