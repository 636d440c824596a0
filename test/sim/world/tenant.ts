/**
 * One App in a simulated cluster: what it is given becomes healthy, fails, or takes its time. The state here is the truth
 * that the oracle knows; the hub knows what was reported.
 */
import type { Phase, PlacementReport } from "#core/protocol.ts";
import type { Statement } from "#core/statement.ts";
import { takeReport } from "../../../functions/api/report.ts";
import { getLine } from "../../../functions/store/line.ts";
import type { Random } from "../kernel/random.ts";
import type { AgentWorld } from "./agent.ts";
import { fateOf, type Fate } from "./content.ts";

const MINUTE = 60_000;
const PROJECT = "default";

/** What it knows of the cluster that it runs in. */
export interface Home {
  readonly name: string;
  readonly skewMs: number;
  /** Which start of its agent this is. */
  readonly run: number;
  readonly isAway: boolean;
  readonly isGone: boolean;
}

type Content = Omit<PlacementReport, "seq">;

export class Tenant {
  /** What is in force, and how it is. */
  statement: Statement | undefined;
  phase: Phase | undefined;
  readonly #home: Home;
  readonly #world: AgentWorld;
  readonly #random: Random;
  #seq = 0;
  #isTold = true;
  #steps = 0;

  constructor(home: Home, world: AgentWorld, random: Random) {
    this.#home = home;
    this.#world = world;
    this.#random = random;
  }

  get isHealthy(): boolean {
    return this.phase === "healthy" || this.phase === "removed";
  }

  /** What happens to it by itself. */
  live(): void {
    const { flap, bad } = this.#world.weather();
    if (this.phase === "healthy" && this.#random.chance(flap)) this.#break();
    // Whatever ails it, a calm world cures it.
    const isIll = this.phase === "failed" || this.phase === "progressing";
    if (bad === 0 && isIll && this.#random.chance(0.5)) this.#become("healthy");
  }

  /** What the agent held in memory is lost, what is in force is in the cluster. */
  restart(): void {
    this.#seq = 0;
    this.#isTold = this.statement === undefined;
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
    const { name } = this.#home;
    if (this.isHealthy && this.statement !== undefined) this.#world.onHealthy(name, this.statement);
    const { generation, app } = this.statement ?? { generation: 0 };
    this.#world.tell(`${name} is ${phase} on generation ${generation}${this.#world.ofApp(app)}`);
    this.#world.after(this.#random.between(100, 3_000), () => this.#report());
  }

  /** Only what is newer than what is in force. */
  take(statement: Statement): void {
    const { epoch, generation } = this.statement ?? { epoch: 0, generation: 0 };
    if (statement.epoch < epoch || (statement.epoch === epoch && statement.generation <= generation)) return;
    this.statement = statement;
    this.phase = undefined;
    this.#world.onTaken(this.#home.name, statement);
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
    const { seed, weather } = this.#world;
    const fate: Fate = fateOf(seed, statement.order.bundle.digest, this.#home.name, weather().bad);
    if (fate === "ok") later(random.between(16_000, 90_000), "healthy");
    if (fate === "slow") later(random.between(2 * MINUTE, 20 * MINUTE), "healthy");
    if (fate === "fails") later(random.between(16_000, 90_000), "failed");
    // What fails is healed by somebody, sooner or later.
    if (fate === "fails" && random.chance(0.4)) later(random.between(2 * MINUTE, 30 * MINUTE), "healthy");
  }

  /** What the hub was not told yet, or has not taken. */
  tell(): void {
    if (!this.#isTold) this.#report();
  }

  #report(): void {
    const { statement, phase } = this;
    if (this.#home.isGone || statement === undefined || phase === undefined) return;
    if (this.#home.isAway) return;
    const content = contentOf(statement, phase);
    this.#seq = Math.max(this.#seq + 1, Math.floor(this.#world.now() + this.#home.skewMs));
    const report: PlacementReport = { ...content, seq: this.#seq };
    const { reportLate, reportTwice } = this.#world.weather();
    const lateMs = this.#random.chance(reportLate) ? this.#random.between(1_000, 10 * MINUTE) : 0;
    this.#world.after(lateMs, () => this.#send(report));
    if (this.#random.chance(reportTwice))
      this.#world.after(lateMs + this.#random.between(0, 5 * MINUTE), () => this.#send(report));
  }

  #send(report: PlacementReport): void {
    const { name, run } = this.#home;
    this.#world.call(
      `report of ${name}: ${report.phase} on generation ${report.generation}${this.#world.ofApp(report.app)}`,
      async (deps) => {
        const line = await getLine(deps.db, PROJECT, name);
        if (line === undefined) return;
        const request = { protocol: 1, agent: "simulated", fingerprint: "", placements: [report] };
        const answer = await takeReport(deps, { line, run: `${name}-${run}` }, request);
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
