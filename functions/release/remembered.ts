/**
 * What is named by its digest never changes, so what was read last is kept as it was parsed: a step of a rollout that moves one
 * cluster would read, unpack and check a hundred targets for it, twice. Bounded, and the process's own.
 */

export interface Sized<T> {
  value: T;
  /** Of its text. */
  bytes: number;
}

/** `read` is asked for what is not kept, for each store by itself; what was asked for longest ago is let go first. */
export function remembered<S extends object, T>(
  bytesMax: number,
  read: (store: S, digest: string) => Promise<Sized<T>>,
): (store: S, digest: string) => Promise<T> {
  const stores = new WeakMap<S, Kept<T>>();
  return async (store, digest) => {
    const kept = stores.get(store) ?? new Kept<T>(bytesMax);
    stores.set(store, kept);
    const found = kept.find(digest) ?? (await read(store, digest));
    kept.note(digest, found);
    return found.value;
  };
}

class Kept<T> {
  readonly #bytesMax: number;
  /** In the order in which they were asked for. */
  readonly #all = new Map<string, Sized<T>>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  find(digest: string): Sized<T> | undefined {
    return this.#all.get(digest);
  }

  note(digest: string, one: Sized<T>): void {
    this.#drop(digest);
    this.#all.set(digest, one);
    this.#bytes += one.bytes;
    for (const old of this.#all.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#drop(old);
    }
  }

  #drop(digest: string): void {
    this.#bytes -= this.#all.get(digest)?.bytes ?? 0;
    this.#all.delete(digest);
  }
}
