/** A cluster that one agent can reach only so long: what a crash at any moment leaves behind. */
import type { Kube } from "../../agent/kube/port.ts";

const NEVER = new Promise<never>(() => {});

export interface Mortal extends Kube {
  calls: number;
  dead: Promise<void>;
}

/** Dies at call `at`: before it reaches the server, or after, with the answer lost. Later calls never return. */
export function mortal(kube: Kube, at: number, when: "before" | "after"): Mortal {
  const death = Promise.withResolvers<void>();
  const lives = async <T>(call: () => Promise<T>): Promise<T> => {
    const index = self.calls;
    self.calls += 1;
    if (index < at) return await call();
    if (index === at && when === "after") await call();
    death.resolve();
    return await NEVER;
  };
  const self: Mortal = {
    ...kube,
    calls: 0,
    dead: death.promise,
    apply: (object, options) => lives(() => kube.apply(object, options)),
    setManagers: (address, managers, version) => lives(() => kube.setManagers(address, managers, version)),
    get: (address) => lives(() => kube.get(address)),
    delete: (...args) => lives(() => kube.delete(...args)),
    scopeOf: (apiVersion, kind) => lives(() => kube.scopeOf(apiVersion, kind)),
    version: () => lives(() => kube.version()),
    // Not counted: when a watch is renewed is not the delivery's order of steps.
    async *listMetadata(selection) {
      if (self.calls > at) await NEVER;
      yield* kube.listMetadata(selection);
    },
    async *watchMetadata(selection, from) {
      for await (const event of kube.watchMetadata(selection, from))
        yield self.calls > at ? await NEVER : event;
    },
  };
  return self;
}
