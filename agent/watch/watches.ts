/**
 * The watches of an agent: one for each kind that an App holds, shared by all Apps, ended when no App holds the kind
 * any more. An App reads and marks what it holds through its own `Held`.
 */
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import { APP_LABEL } from "#core/plan.ts";
import type { AgentDeps } from "../deps.ts";
import type { Address } from "../kube/port.ts";
import { Slots } from "../slots.ts";
import type { Stopper } from "../stop.ts";
import { watchKind } from "./kind-watch.ts";
import { kindOf, LiveIndex, type Holder } from "./live.ts";

const LISTS_AT_ONCE_MAX = 2;
/** A connection each; the kinds above are found by the slow pass. */
const KINDS_MAX = 200;

interface Watching {
  stop: AbortController;
  holders: Set<Held>;
}

export class Watches {
  readonly index = new LiveIndex();
  readonly #deps: AgentDeps;
  readonly #stopper: Stopper;
  readonly #kinds = new Map<string, Watching>();
  readonly #running = new Set<Promise<void>>();
  readonly #lists = new Slots(LISTS_AT_ONCE_MAX);
  readonly #failed = Promise.withResolvers<never>();

  constructor(deps: AgentDeps, stopper: Stopper) {
    this.#deps = deps;
    this.#stopper = stopper;
    this.#failed.promise.catch(() => {});
  }

  /** What one App holds; `wake` is called when something of it changed. */
  of(wake: () => void): Held {
    return new Held(this, wake);
  }

  /** Rejects on a fault of ours; otherwise ends after the stop, when every watch has ended. */
  async run(): Promise<void> {
    const stopped = Promise.withResolvers<void>();
    const { signal } = this.#stopper;
    if (signal.aborted) stopped.resolve();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await Promise.race([stopped.promise, this.#failed.promise]);
    await Promise.all(this.#running);
  }

  /** The kinds of one App from now on. */
  want(held: Held, wanted: ReadonlyMap<string, Address>): void {
    for (const [kind, { holders, stop }] of this.#kinds) {
      if (wanted.has(kind) || !holders.delete(held) || holders.size > 0) continue;
      stop.abort();
      this.#kinds.delete(kind);
      this.index.forget(kind);
    }
    for (const [kind, address] of wanted) this.add(held, kind, address);
  }

  /** This kind as well. */
  add(held: Held, kind: string, address: Pick<Address, "apiVersion" | "kind">): void {
    (this.#kinds.get(kind) ?? this.#start(kind, address))?.holders.add(held);
  }

  #start(kind: string, address: Pick<Address, "apiVersion" | "kind">): Watching | undefined {
    if (this.#kinds.size >= KINDS_MAX || this.#stopper.stopped) return undefined;
    const watching: Watching = { stop: new AbortController(), holders: new Set() };
    const signal = AbortSignal.any([watching.stop.signal, this.#stopper.signal]);
    const { apiVersion, kind: name } = address;
    const context = { deps: this.#deps, stopper: this.#stopper, index: this.index, lists: this.#lists };
    const running = watchKind(context, { apiVersion, kind: name, label: APP_LABEL }, signal)
      .catch((error: unknown) => this.#failed.reject(error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    this.#kinds.set(kind, watching);
    return watching;
  }
}

/** What one App holds in the cluster, as the watches see it. */
export class Held implements Holder {
  readonly stirred = new Set<string>();
  readonly moved = new Set<string>();
  readonly wake: () => void;
  readonly #watches: Watches;
  #addresses = new Map<string, Address>();
  #expected = new Set<string>();

  constructor(watches: Watches, wake: () => void) {
    this.#watches = watches;
    this.wake = wake;
  }

  get index(): LiveIndex {
    return this.#watches.index;
  }

  addressOf(key: string): Address | undefined {
    return this.#addresses.get(key);
  }

  /** Kinds to come: each is watched from its first object on, as long as a list of it is short. */
  expect(objects: readonly KubeObject[]): void {
    this.#expected = new Set(objects.map((object) => kindOf(refKey(refOf(object)))));
  }

  /** What a request of ours found or left. */
  noted(object: KubeObject): void {
    const key = refKey(refOf(object));
    this.index.noted(key, object);
    const kind = kindOf(key);
    if (this.#expected.delete(kind)) this.#watches.add(this, kind, object);
  }

  /** A request of ours found nothing there. */
  missed({ apiVersion, kind, namespace, name }: Address): void {
    this.index.noted(refKey(refOf({ apiVersion, kind, metadata: { name, namespace } })), undefined);
  }

  /** These objects and no others, by `refKey`. */
  hold(addresses: Map<string, Address>): void {
    for (const key of this.#addresses.keys()) if (!addresses.has(key)) this.#letGo(key);
    this.#addresses = addresses;
    this.#watches.want(this, new Map([...addresses].map(([key, address]) => [kindOf(key), address])));
    for (const key of addresses.keys()) this.index.hold(key, this);
  }

  /** Stirred objects that still are: what was settled or seen to be back since is none. */
  takeStirred(): Set<string> {
    for (const key of this.stirred) if (!this.index.isStirred(key)) this.stirred.delete(key);
    return new Set(this.stirred);
  }

  /** Our own look may show a change before its watch does, which is then no news any more. */
  recheck(keys: Iterable<string>): void {
    for (const key of keys) if (this.index.isStirred(key)) this.stirred.add(key);
    if (this.stirred.size > 0) this.wake();
  }

  #letGo(key: string): void {
    this.index.hold(key, undefined);
    this.stirred.delete(key);
    this.moved.delete(key);
  }
}
