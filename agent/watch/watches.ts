/**
 * The watches of an agent: one for each kind that an App holds (where it may read namespaces only, for each namespace of
 * it), shared by all Apps, ended when no App holds any of it. An App reads and marks what it holds through its own `Held`.
 */
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import { APP_LABEL } from "#core/plan.ts";
import type { AgentDeps } from "../deps.ts";
import type { Address } from "../kube/port.ts";
import { Slots } from "../slots.ts";
import type { Stopper } from "../stop.ts";
import { watchKind } from "./kind-watch.ts";
import { LiveIndex, type Holder } from "./live.ts";

const LISTS_AT_ONCE_MAX = 2;
/** A connection each; what is above is found by the slow pass. */
const WATCHES_MAX = 200;

interface Watching {
  stop: AbortController;
  holders: Set<Held>;
}

export class Watches {
  readonly index: LiveIndex;
  readonly #deps: AgentDeps;
  readonly #stopper: Stopper;
  readonly #ranges = new Map<string, Watching>();
  readonly #running = new Set<Promise<void>>();
  readonly #lists = new Slots(LISTS_AT_ONCE_MAX);
  #toldFull = false;
  readonly #failed = Promise.withResolvers<never>();

  constructor(deps: AgentDeps, stopper: Stopper) {
    this.#deps = deps;
    this.index = new LiveIndex(deps.options.watchWithin);
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

  /** The ranges of one App from now on. */
  want(held: Held, wanted: ReadonlyMap<string, Address>): void {
    for (const [range, { holders, stop }] of this.#ranges) {
      if (wanted.has(range) || !holders.delete(held) || holders.size > 0) continue;
      stop.abort();
      this.#ranges.delete(range);
      this.index.forget(range);
    }
    for (const [range, address] of wanted) this.add(held, range, address);
  }

  /** This range as well. */
  add(held: Held, range: string, address: Omit<Address, "name">): void {
    (this.#ranges.get(range) ?? this.#start(range, address))?.holders.add(held);
  }

  #start(range: string, address: Omit<Address, "name">): Watching | undefined {
    if (this.#stopper.stopped) return undefined;
    if (this.#ranges.size >= WATCHES_MAX) return this.#full(range);
    const watching: Watching = { stop: new AbortController(), holders: new Set() };
    const signal = AbortSignal.any([watching.stop.signal, this.#stopper.signal]);
    const context = { deps: this.#deps, stopper: this.#stopper, index: this.index, lists: this.#lists };
    const selection = { ...this.index.selectionOf(address), label: APP_LABEL };
    const running = watchKind(context, selection, signal)
      .catch((error: unknown) => this.#failed.reject(error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    this.#ranges.set(range, watching);
    return watching;
  }

  #full(range: string): undefined {
    if (!this.#toldFull)
      this.#deps.log({
        level: "warn",
        message:
          `${range} is not watched: at most ${WATCHES_MAX} watches are held; ` +
          "drift in it and in more is found by the full comparison only: shorten --drift-every, or hold fewer kinds and namespaces",
      });
    this.#toldFull = true;
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
    this.#expected = new Set(objects.map(kindOf));
  }

  /** What a request of ours found or left. */
  noted(object: KubeObject): void {
    const key = refKey(refOf(object));
    this.index.noted(key, object);
    const { apiVersion, kind, metadata } = object;
    // What is read on the way (the key of sops) bears no mark, and is no App's.
    if (metadata.labels?.[APP_LABEL] === undefined || !this.#expected.delete(kindOf(object))) return;
    this.#watches.add(this, this.index.rangeOf(key), {
      apiVersion,
      kind,
      namespace: metadata.namespace ?? "",
    });
  }

  /** A request of ours found nothing there. */
  missed({ apiVersion, kind, namespace, name }: Address): void {
    this.index.noted(refKey(refOf({ apiVersion, kind, metadata: { name, namespace } })), undefined);
  }

  /** These objects and no others, by `refKey`. */
  hold(addresses: Map<string, Address>): void {
    for (const key of this.#addresses.keys()) if (!addresses.has(key)) this.#letGo(key);
    this.#addresses = addresses;
    this.#watches.want(
      this,
      new Map([...addresses].map(([key, address]) => [this.index.rangeOf(key), address])),
    );
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

/** Whatever its version and namespace. */
function kindOf(object: KubeObject): string {
  const { group, kind } = refOf(object);
  return `${group}/${kind}`;
}
