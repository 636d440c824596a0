/**
 * What is named by its digest never changes, so what was read last is kept as it was parsed: a step of a rollout that moves one
 * cluster would read, unpack and check a hundred targets for it, twice. Bounded, and the process's own.
 */

export interface Sized<T> {
  value: T;
  /** In the unit of the bound: bytes of its text, or 1 where so many are kept. */
  size: number;
}

/** `read` is asked for what is not kept, for each store by itself; what was asked for longest ago is let go first. */
export function remembered<S extends object, T, A extends unknown[] = []>(
  sizeMax: number,
  read: (store: S, digest: string, ...more: A) => Promise<Sized<T>>,
): (store: S, digest: string, ...more: A) => Promise<T> {
  const stores = new WeakMap<S, Kept<T>>();
  return async (store, digest, ...more) => {
    const kept = stores.get(store) ?? new Kept<T>(sizeMax);
    stores.set(store, kept);
    const found = kept.find(digest) ?? (await read(store, digest, ...more));
    kept.note(digest, found);
    return found.value;
  };
}

class Kept<T> {
  readonly #sizeMax: number;
  /** In the order in which they were asked for. */
  readonly #all = new Map<string, Sized<T>>();
  #size = 0;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  find(digest: string): Sized<T> | undefined {
    return this.#all.get(digest);
  }

  note(digest: string, one: Sized<T>): void {
    this.#drop(digest);
    this.#all.set(digest, one);
    this.#size += one.size;
    for (const old of this.#all.keys()) {
      if (this.#size <= this.#sizeMax) return;
      this.#drop(old);
    }
  }

  #drop(digest: string): void {
    this.#size -= this.#all.get(digest)?.size ?? 0;
    this.#all.delete(digest);
  }
}
