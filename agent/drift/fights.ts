/** The objects of one App that are restored again and again, and what is told of it: who, where, and the way out. */
import { afterRestore, isOver, isResting, nextLookAt, type Bout } from "#core/fight.ts";
import { ignoreFor, ignoreText } from "#core/ignore-suggestion.ts";
import type { Drift } from "#core/protocol.ts";
import { sentence } from "#core/text.ts";

interface Fight {
  bout: Bout;
  told: string | undefined;
}

export class Fights {
  readonly #fights = new Map<string, Fight>();

  /** Those of `keys` that may be restored now. */
  free(keys: ReadonlySet<string>, now: number): Set<string> {
    return new Set([...keys].filter((key) => !isResting(this.#fights.get(key)?.bout, now)));
  }

  /** Takes in what a pass restored; the sentence of a fight that has just become one. */
  restored(drift: ReadonlyMap<string, Drift>, now: number): string[] {
    const news: string[] = [];
    for (const [key, one] of drift) {
      if (!one.restored) continue;
      const held = this.#fights.get(key);
      const bout = afterRestore(held?.bout, now);
      const told = bout.rests === 0 ? undefined : (held?.told ?? fightText(one));
      if (told !== undefined && held?.told === undefined) news.push(told);
      this.#fights.set(key, { bout, told });
    }
    return news;
  }

  /** What is told while it lasts; forgets what is over. */
  standing(now: number): string | undefined {
    for (const [key, { bout }] of this.#fights) if (isOver(bout, now)) this.#fights.delete(key);
    return [...this.#fights.values()].flatMap(({ told }) => told ?? []).toSorted()[0];
  }

  /** When a rest or a fight ends. */
  nextAt(now: number): number {
    const told = [...this.#fights.values()].filter(({ bout }) => bout.rests > 0);
    return Math.min(Number.POSITIVE_INFINITY, ...told.map(({ bout }) => nextLookAt(bout, now)));
  }
}

function fightText(drift: Drift): string {
  const rule = ignoreFor(drift);
  const fields = drift.fields.map(({ path }) => path || "the whole").slice(0, 3);
  const way =
    rule === undefined
      ? "stop one of the two"
      : `stop one of the two, or ignore it: sync.ignore ${ignoreText(rule)}`;
  return sentence(
    `${drift.object}: ${drift.by ?? "somebody"} sets back what is restored (${fields.join(", ")}), again and again; it is now restored more rarely; ${way}`,
  );
}
