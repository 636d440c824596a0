/**
 * What an agent knows of its own life: counts for a monitor, and whether it still moves. It is stuck when a step is under
 * way and nothing at all was answered for minutes, as every request ends in time, or when a poll is long overdue.
 */
import { KubeError, type Kube } from "./kube/port.ts";

const STUCK_MS = 5 * 60_000;
const BUCKETS_S = [0.1, 0.5, 2, 10, 60] as const;

type Labels = Readonly<Record<string, string>>;

export class Vitals {
  readonly #clock: () => number;
  readonly #counts = new Map<string, number>();
  readonly #passes = { buckets: BUCKETS_S.map(() => 0), sumS: 0, count: 0 };
  #movedAt: number;
  #underWay = 0;
  #pollDueAt = Number.POSITIVE_INFINITY;
  #polledAt: number | undefined;
  #reachable = false;
  /** What the cluster keeps is read, and every App has its lane. */
  loaded = false;

  constructor(clock: () => number) {
    this.#clock = clock;
    this.#movedAt = clock();
  }

  count(name: string, labels: Labels, by = 1): void {
    const key = `fairlead_agent_${name}${labelText(labels)}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
  }

  polled(outcome: "changed" | "unchanged" | "failed"): void {
    this.count("polls_total", { outcome });
    this.#reachable = outcome !== "failed";
    if (this.#reachable) this.#polledAt = this.#clock();
  }

  /** The next poll begins then; it is under way until the next call. */
  pollDue(afterMs: number): void {
    this.#pollDueAt = this.#clock() + afterMs;
  }

  /** A step of an App, from its first request to its last. */
  async step<T>(work: () => Promise<T>): Promise<T> {
    if (this.#underWay === 0) this.#movedAt = this.#clock();
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
      this.#movedAt = this.#clock();
    }
  }

  passed(result: string, ms: number, restored: number): void {
    this.count("passes_total", { result });
    if (restored > 0) this.count("drift_restored_total", {}, restored);
    const seconds = Math.max(0, ms) / 1000;
    const { buckets } = this.#passes;
    for (const [index, most] of BUCKETS_S.entries())
      if (seconds <= most) buckets[index] = (buckets[index] ?? 0) + 1;
    this.#passes.sumS += seconds;
    this.#passes.count += 1;
  }

  /** The same cluster, each call of it counted. */
  metered(kube: Kube): Kube {
    const counted = async <T>(call: string, work: Promise<T>): Promise<T> => {
      let code = "2xx";
      try {
        return await work;
      } catch (error) {
        code = error instanceof KubeError ? String(error.status) : "none";
        throw error;
      } finally {
        this.#movedAt = this.#clock();
        this.count("kube_calls_total", { call, code });
      }
    };
    return {
      ...kube,
      get: (address) => counted("get", kube.get(address)),
      apply: (object, options) => counted(options.dryRun ? "dry-run" : "apply", kube.apply(object, options)),
      applyStatus: (object) => counted("apply-status", kube.applyStatus(object)),
      setManagers: (...all) => counted("take-over", kube.setManagers(...all)),
      delete: (...args) => counted("delete", kube.delete(...args)),
      pods: (...all) => counted("pods", kube.pods(...all)),
      podLog: (...all) => counted("pod-log", kube.podLog(...all)),
      as: (account) => this.metered(kube.as(account)),
    };
  }

  /** Why it has to be started anew; undefined while it moves. */
  stuck(): string | undefined {
    const now = this.#clock();
    if (this.#underWay > 0 && now - this.#movedAt > STUCK_MS)
      return `an App's step is under way and nothing was answered for ${Math.floor((now - this.#movedAt) / 1000)} s`;
    if (now - this.#pollDueAt > STUCK_MS)
      return `the poll of the hub is ${Math.floor((now - this.#pollDueAt) / 1000)} s overdue`;
    return undefined;
  }

  /** Prometheus' text format; `phases` counts Apps. */
  text(phases: ReadonlyMap<string, number>, residentBytes: number): string {
    const { buckets, sumS, count } = this.#passes;
    const age = this.#polledAt === undefined ? [] : [this.#clock() - this.#polledAt];
    const lines = [
      ...[...this.#counts].map(([key, value]) => `${key} ${value}`).toSorted(),
      ...BUCKETS_S.map((most, index) => `fairlead_agent_pass_seconds_bucket{le="${most}"} ${buckets[index]}`),
      `fairlead_agent_pass_seconds_bucket{le="+Inf"} ${count}`,
      `fairlead_agent_pass_seconds_sum ${sumS}`,
      `fairlead_agent_pass_seconds_count ${count}`,
      `fairlead_agent_hub_reachable ${this.#reachable ? 1 : 0}`,
      ...age.map((ms) => `fairlead_agent_last_poll_age_seconds ${ms / 1000}`),
      ...[...phases].map(([phase, apps]) => `fairlead_agent_apps${labelText({ phase })} ${apps}`).toSorted(),
      `process_resident_memory_bytes ${residentBytes}`,
    ];
    return `${lines.join("\n")}\n`;
  }
}

/** Values are our own words, and need no escaping. */
function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
