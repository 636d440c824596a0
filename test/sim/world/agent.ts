/**
 * A simulated cluster with its agent: it polls and reports through the hub's own code, and what it is given becomes healthy,
 * fails, or takes its time. The state here is the truth that the oracle knows; the hub knows what was reported.
 */
import type { ToldHold } from "#core/hold.ts";
import type { Phase, PlacementReport } from "#core/protocol.ts";
import { statementSchema, type Statement } from "#core/statement.ts";
import { desiredFor } from "../../../functions/api/desired.ts";
import { takeReport } from "../../../functions/api/report.ts";
import { getHub } from "../../../functions/store/hub.ts";
import { getLine } from "../../../functions/store/line.ts";
import type { Task } from "../kernel/loop.ts";
import type { Random } from "../kernel/random.ts";
import { Holder } from "./holder.ts";
import { fateOf, type Fate } from "./content.ts";
import type { HubDeps } from "./parts.ts";
import type { Weather } from "./weather.ts";

const MINUTE = 60_000;
const BEAT_MS = 5 * MINUTE;
const WHOLE_MS = 10 * MINUTE;
const TIMEOUT_MS = MINUTE;
const PROJECT = "default";

export interface AgentWorld {
  seed: string;
  now: () => number;
  after: (ms: number, run: () => void) => void;
  /** Runs a function of the hub; `ended` in any case, also where it died. */
  call: (name: string, work: (deps: HubDeps, task: Task) => Promise<void>, ended: () => void) => void;
  weather: () => Weather;
  tell: (what: string) => void;
  /** A generation was taken in force. */
  onTaken: (cluster: string, statement: Statement) => void;
  /** It is healthy (or gone, where that was asked) on what is in force. */
  onHealthy: (cluster: string, statement: Statement) => void;
}

type Content = Omit<PlacementReport, "seq">;

export class Agent {
  readonly name: string;
  /** What is in force, and how it is. */
  statement: Statement | undefined;
  phase: Phase | undefined;
  isGone = false;
  awayUntil = 0;
  readonly #world: AgentWorld;
  readonly #random: Random;
  #run = 1;
  #skewMs: number;
  #etag: string | undefined;
  #wholeAt = 0;
  #beatAt = Number.NEGATIVE_INFINITY;
  #seq = 0;
  #isBusy = false;
  #isTold = true;
  #steps = 0;
  readonly #holder: Holder;

  constructor(name: string, world: AgentWorld, random: Random) {
    this.name = name;
    this.#world = world;
    this.#random = random;
    const { clusterSkewMs } = world.weather();
    this.#skewMs = random.between(-clusterSkewMs, clusterSkewMs + 1);
    this.#holder = new Holder(name, this.#skewMs, world, random.branch("holds"));
    world.after(random.between(1, 5_000), () => this.#tick());
  }

  get isHealthy(): boolean {
    return this.phase === "healthy" || this.phase === "removed";
  }

  #tick(): void {
    if (this.isGone) return;
    this.#world.after(this.#random.between(15_000, 60_000), () => this.#tick());
    this.#live();
    if (this.#world.now() < this.awayUntil || this.#isBusy) return;
    this.#poll();
    if (!this.#isTold) this.#report();
    this.#holder.tell();
  }

  /** What the cluster asks for by itself. */
  get hold(): ToldHold {
    return this.#holder.hold;
  }

  /** What happens to a cluster by itself. */
  #live(): void {
    const { away, awayMsMax, restart, flap } = this.#world.weather();
    const now = this.#world.now();
    if (now >= this.awayUntil && this.#random.chance(away)) {
      this.awayUntil = now + this.#random.between(MINUTE, awayMsMax);
      this.#world.tell(`${this.name} is away for ${Math.round((this.awayUntil - now) / 1000)} s`);
    }
    if (this.#random.chance(restart)) this.#restart();
    this.#holder.live();
    if (this.phase === "healthy" && this.#random.chance(flap)) this.#break();
    // Whatever ails it, a calm world cures it.
    const isIll = this.phase === "failed" || this.phase === "progressing";
    if (this.#world.weather().bad === 0 && isIll && this.#random.chance(0.5)) this.#become("healthy");
  }

  /** Keeps what is in force, which is in the cluster; forgets all that it held in memory. */
  #restart(): void {
    this.#run += 1;
    this.#etag = undefined;
    this.#seq = 0;
    this.#beatAt = Number.NEGATIVE_INFINITY;
    this.#isTold = this.statement === undefined;
    this.#holder.restart();
  }

  #break(): void {
    const { statement } = this;
    this.#become(this.#random.pick(["failed", "progressing"] as const));
    this.#world.after(this.#random.between(10_000, 5 * MINUTE), () => {
      if (this.statement === statement) this.#become("healthy");
    });
  }

  #become(phase: Phase): void {
    if (phase === this.phase) return;
    this.phase = phase;
    this.#isTold = false;
    if (this.isHealthy && this.statement !== undefined) this.#world.onHealthy(this.name, this.statement);
    const { generation } = this.statement ?? { generation: 0 };
    this.#world.tell(`${this.name} is ${phase} on generation ${generation}`);
    this.#world.after(this.#random.between(100, 3_000), () => this.#report());
  }

  #poll(): void {
    this.#isBusy = true;
    const now = this.#world.now();
    const isWhole = now - this.#wholeAt > WHOLE_MS;
    const etag = isWhole ? undefined : this.#etag;
    const beat = now - this.#beatAt > BEAT_MS;
    const run = this.#run;
    let isOver = false;
    // An answer after this long finds nobody who waits for it.
    this.#world.after(TIMEOUT_MS, () => (isOver = this.#isFree(isOver)));
    this.#world.call(
      `poll of ${this.name}`,
      async (deps) => {
        const line = await getLine(deps.db, PROJECT, this.name);
        if (line === undefined) return;
        const who = { line, run: `${this.name}-${run}` };
        const answer = await desiredFor(deps, await getHub(deps.db), who, { beat, etag });
        if (isOver || run !== this.#run || this.#world.now() < this.awayUntil) return;
        if (beat) this.#beatAt = now;
        if (isWhole) this.#wholeAt = now;
        this.#etag = answer.etag;
        for (const { statement } of answer.body?.assignments ?? []) this.#take(statement);
      },
      () => (isOver = this.#isFree(isOver)),
    );
  }

  #isFree(wasOver: boolean): true {
    if (!wasOver) this.#isBusy = false;
    return true;
  }

  /** Only what is newer than what is in force. */
  #take(jws: string): void {
    const statement = statementSchema.parse(
      JSON.parse(Buffer.from(jws.split(".")[1] ?? "", "base64url").toString()),
    );
    const { epoch, generation } = this.statement ?? { epoch: 0, generation: 0 };
    if (statement.epoch < epoch || (statement.epoch === epoch && statement.generation <= generation)) return;
    this.statement = statement;
    this.phase = undefined;
    this.#world.onTaken(this.name, statement);
    this.#become("received");
    this.#go(statement, (this.#steps += 1));
  }

  #go(statement: Statement, step: number): void {
    const later = (ms: number, phase: Phase): void =>
      this.#world.after(ms, () => {
        if (step === this.#steps) this.#become(phase);
      });
    const random = this.#random;
    later(random.between(500, 5_000), "applying");
    if (statement.order.action === "remove") return later(random.between(6_000, 30_000), "removed");
    later(random.between(6_000, 15_000), "progressing");
    const fate: Fate = fateOf(
      this.#world.seed,
      statement.order.bundle.digest,
      this.name,
      this.#world.weather().bad,
    );
    if (fate === "ok") later(random.between(16_000, 90_000), "healthy");
    if (fate === "slow") later(random.between(2 * MINUTE, 20 * MINUTE), "healthy");
    if (fate === "fails") later(random.between(16_000, 90_000), "failed");
    // What fails is healed by somebody, sooner or later.
    if (fate === "fails" && random.chance(0.4)) later(random.between(2 * MINUTE, 30 * MINUTE), "healthy");
  }

  #report(): void {
    const { statement, phase } = this;
    if (this.isGone || statement === undefined || phase === undefined) return;
    if (this.#world.now() < this.awayUntil) return;
    const content = contentOf(statement, phase);
    this.#seq = Math.max(this.#seq + 1, Math.floor(this.#world.now() + this.#skewMs));
    const report: PlacementReport = { ...content, seq: this.#seq };
    const { reportLate, reportTwice } = this.#world.weather();
    const lateMs = this.#random.chance(reportLate) ? this.#random.between(1_000, 10 * MINUTE) : 0;
    this.#world.after(lateMs, () => this.#send(report));
    if (this.#random.chance(reportTwice))
      this.#world.after(lateMs + this.#random.between(0, 5 * MINUTE), () => this.#send(report));
  }

  #send(report: PlacementReport): void {
    const run = this.#run;
    this.#world.call(
      `report of ${this.name}: ${report.phase} on generation ${report.generation}`,
      async (deps) => {
        const line = await getLine(deps.db, PROJECT, this.name);
        if (line === undefined) return;
        const request = { protocol: 1, agent: "simulated", fingerprint: "", placements: [report] };
        const answer = await takeReport(deps, { line, run: `${this.name}-${run}` }, request);
        const isStill = this.statement?.generation === report.generation && this.phase === report.phase;
        for (const { seq } of answer.stale) this.#seq = Math.max(this.#seq, seq);
        if (answer.accepted > 0 && isStill && report.seq === this.#seq) this.#isTold = true;
      },
      () => {},
    );
  }
}

function contentOf({ app, epoch, generation, release }: Statement, phase: Phase): Content {
  return {
    app,
    epoch,
    generation,
    release,
    phase,
    message: phase,
    objects: 1,
    outcomes: {},
    failures: phase === "failed" ? [{ object: "ConfigMap shop", reason: "broken" }] : [],
    drift: [],
    driftTotal: 0,
  };
}
