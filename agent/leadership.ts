/**
 * One replica's claim to lead: taken, renewed, let go. It ends by this process's own clocks before another replica may
 * begin, so a process that was paused finds that it leads no longer before it asks anybody.
 */
import { judgeLease, leaseTimes, type LeaseSight, type LeaseTimes } from "#core/lease.ts";
import type { AgentDeps } from "./deps.ts";
import type { Lease, LeaseStore } from "./kube/lease.ts";
import { KubeError } from "./kube/port.ts";
import { jittered } from "./wait.ts";

export interface LeadershipDeps extends Pick<AgentDeps, "clock" | "sleep" | "random" | "log"> {
  leases: LeaseStore;
  /** This process and no other, also after a restart. */
  me: string;
  leaseMs: number;
  /** Milliseconds that no setting of the clock changes. */
  monotonic: () => number;
}

export class Leadership {
  readonly #deps: LeadershipDeps;
  readonly #times: LeaseTimes;
  #seen: LeaseSight | undefined;
  #held: { lease: Lease; wall: number; steady: number } | undefined;
  #releasing: Promise<void> | undefined;
  #complaint = "";

  constructor(deps: LeadershipDeps) {
    this.#deps = deps;
    this.#times = leaseTimes(deps.leaseMs);
  }

  /** Asks nobody: true for a while after each renewal. */
  get holds(): boolean {
    if (this.#held === undefined) return false;
    const { clock, monotonic } = this.#deps;
    // One of the two stands still while a machine sleeps, the other one may be set.
    const elapsed = Math.max(clock() - this.#held.wall, monotonic() - this.#held.steady);
    return elapsed < this.#times.deadlineMs;
  }

  /** True once this replica leads, false when `signal` came first; throws where it has no right to the Lease. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { log, me, random, sleep } = this.#deps;
    while (!signal.aborted) {
      if (await this.#patiently(() => this.#tryToTake())) {
        log({ level: "info", message: `${me} leads` });
        return true;
      }
      await sleep(jittered(this.#times.lookMs, random), signal);
    }
    return false;
  }

  /** Renews until the lead is lost or `signal` aborts. */
  async keep(signal: AbortSignal): Promise<void> {
    const { random, sleep, log, me } = this.#deps;
    let renewed: boolean | undefined = true;
    while (true) {
      await sleep(renewed ? this.#times.renewMs * (1 + random() / 10) : this.#times.lookMs / 2, signal);
      if (this.holds && signal.aborted) return;
      if (this.holds) renewed = await this.#patiently(() => this.#renew());
      if (this.holds) continue;
      this.#held = undefined;
      log({
        level: "warn",
        message: `${me} leads no longer: its Lease was not renewed in time, or is another's`,
      });
      return;
    }
  }

  /**
   * So that nobody has to wait for its end; calls at once are one. Also where its time is over by this process's clocks: the
   * server lets go of it only where nobody has taken it.
   */
  async release(): Promise<void> {
    this.#releasing ??= this.#letGo().finally(() => (this.#releasing = undefined));
    await this.#releasing;
  }

  async #letGo(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return;
    const { clock, leases, me } = this.#deps;
    await this.#patiently(async () => {
      const free = { holder: "", heldMs: 1000, now: clock() };
      if ((await leases.write(held.lease, free)) !== undefined) return true;
      // A renewal that was under way came first.
      const lease = await leases.read();
      if (lease?.holder === me) await leases.write(lease, free);
      return true;
    });
  }

  async #tryToTake(): Promise<boolean> {
    const { leases, log, me, monotonic } = this.#deps;
    const lease = await leases.read();
    if (lease === undefined) this.#seen = undefined;
    else if (lease.version !== this.#seen?.version) {
      if (lease.holder !== this.#seen?.holder && lease.holder !== "")
        log({ level: "info", message: `${me} waits, ${lease.holder} leads` });
      this.#seen = { ...lease, sinceMs: monotonic() };
    }
    if (judgeLease(this.#seen, me, monotonic()) === "wait") return false;
    return await this.#write(lease);
  }

  async #renew(): Promise<boolean> {
    const held = this.#held;
    if (held === undefined) return false;
    if (await this.#write(held.lease)) return true;
    const { leases, me } = this.#deps;
    const lease = await leases.read();
    // An answer may have been lost: then the newer writing is our own.
    if (lease?.holder === me && this.#held === held) return await this.#write(lease);
    this.#held = undefined;
    return false;
  }

  async #write(before: Lease | undefined): Promise<boolean> {
    const { clock, leases, me, monotonic } = this.#deps;
    const [wall, steady] = [clock(), monotonic()];
    const lease = await leases.write(before, { holder: me, heldMs: this.#times.leaseMs, now: wall });
    if (lease !== undefined) this.#held = { lease, wall, steady };
    return lease !== undefined;
  }

  /** False, and told once, where the server gave no answer that counts. */
  async #patiently(task: () => Promise<boolean>): Promise<boolean> {
    try {
      const done = await task();
      this.#complaint = "";
      return done;
    } catch (error) {
      if (!(error instanceof KubeError && error.passing)) throw error;
      if (error.message !== this.#complaint)
        this.#deps.log({ level: "warn", message: `the Lease of the agent: ${error.message}` });
      this.#complaint = error.message;
      return false;
    }
  }
}
