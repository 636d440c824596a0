/**
 * What DynamoDB global tables promise (and no more), between two engines in this process: each item is copied on its own, some
 * time later, and of two writes of one item the later one stays. A transaction is not copied as one. Copies wait until `deliver`.
 */
import { DeleteCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import type { Item } from "../../functions/store/db.ts";
import type { Key } from "../../functions/store/table.ts";
import { Engine } from "../sim/engine/engine.ts";
import type { Change } from "../sim/engine/table.ts";

export const TABLE = "fairlead";

interface Copy {
  key: Key;
  item: Item | undefined;
  at: number;
}

class Side {
  readonly engine = new Engine({ onChange: (change) => this.#changed(change) });
  /** Written here and not there yet, in order. */
  waiting: Copy[] = [];
  readonly #writtenAt = new Map<string, number>();
  readonly #tick: () => number;
  #copying = false;

  constructor(tick: () => number) {
    this.#tick = tick;
  }

  /** Whether it was the later write. */
  take({ key, item, at }: Copy): boolean {
    if (at < (this.#writtenAt.get(nameOf(key)) ?? 0)) return false;
    this.#writtenAt.set(nameOf(key), at);
    this.#copying = true;
    this.engine.execute(
      item === undefined
        ? new DeleteCommand({ TableName: TABLE, Key: { ...key } })
        : new PutCommand({ TableName: TABLE, Item: item }),
    );
    this.#copying = false;
    return true;
  }

  #changed({ key, after }: Change): void {
    if (this.#copying) return;
    const at = this.#tick();
    this.#writtenAt.set(nameOf(key), at);
    this.waiting.push({ key, item: after, at });
  }
}

const nameOf = ({ pk, sk }: Key): string => `${pk}\n${sk}`;

export interface Copier {
  a: Side;
  b: Side;
  /** Both ways, what waits; `only` some of it, and the rest goes on waiting. Answers how many copies lost against a later write. */
  deliver(only?: (key: Key) => boolean): number;
  waiting(): number;
}

export function createCopier(): Copier {
  let clock = 0;
  const tick = (): number => (clock += 1);
  const [a, b] = [new Side(tick), new Side(tick)];
  return {
    a,
    b,
    waiting: () => a.waiting.length + b.waiting.length,
    deliver: (only = () => true) => {
      let lost = 0;
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        const copies = from.waiting;
        from.waiting = copies.filter(({ key }) => !only(key));
        for (const copy of copies) if (only(copy.key) && !to.take(copy)) lost += 1;
      }
      return lost;
    },
  };
}
