/** A simulated cluster with its agent: it polls and reports through the hub's own code, for each App that it was given. */
import type { ToldHold } from "#core/hold.ts";
import { statementSchema, type Statement } from "#core/statement.ts";
import { desiredFor } from "../../../functions/api/desired.ts";
import { getHub } from "../../../functions/store/hub.ts";
import { getLine } from "../../../functions/store/line.ts";
import type { Task } from "../kernel/loop.ts";
import type { Random } from "../kernel/random.ts";
import { Holder } from "./holder.ts";
import type { HubDeps } from "./parts.ts";
import { Tenant, type Home } from "./tenant.ts";
import type { Weather } from "./weather.ts";

const MINUTE = 60_000;
const BEAT_MS = 5 * MINUTE;
const WHOLE_MS = 10 * MINUTE;
const TIMEOUT_MS = MINUTE;
const PROJECT = "default";

export interface AgentWorld {
  seed: string;
  /** The App that every seed has. */
  app: string;
  /** Apps that may be held by name. */
  holdable: readonly string[];
  now: () => number;
  after: (ms: number, run: () => void) => void;
  /** Runs a function of the hub; `ended` in any case, also where it died. */
  call: (name: string, work: (deps: HubDeps, task: Task) => Promise<void>, ended: () => void) => void;
  weather: () => Weather;
  tell: (what: string) => void;
  /** For stories: nothing of the App that every seed has. */
  ofApp: (app: string | undefined) => string;
  /** A generation was taken in force. */
  onTaken: (cluster: string, statement: Statement) => void;
  /** It is healthy (or gone, where that was asked) on what is in force. */
  onHealthy: (cluster: string, statement: Statement) => void;
}

export class Agent implements Home {
  readonly name: string;
  readonly skewMs: number;
  isGone = false;
  awayUntil = 0;
  run = 1;
  readonly #world: AgentWorld;
  readonly #random: Random;
  readonly #tenants = new Map<string, Tenant>();
  #etag: string | undefined;
  #wholeAt = 0;
  #beatAt = Number.NEGATIVE_INFINITY;
  #isBusy = false;
  readonly #holder: Holder;

  constructor(name: string, world: AgentWorld, random: Random) {
    this.name = name;
    this.#world = world;
    this.#random = random;
    const { clusterSkewMs } = world.weather();
    this.skewMs = random.between(-clusterSkewMs, clusterSkewMs + 1);
    this.#holder = new Holder(name, this.skewMs, world, random.branch("holds"));
    world.after(random.between(1, 5_000), () => this.#tick());
  }

  get isAway(): boolean {
    return this.#world.now() < this.awayUntil;
  }

  /** What it has of an App; undefined: it was never given any. */
  tenant(app: string): Tenant | undefined {
    return this.#tenants.get(app);
  }

  #tick(): void {
    if (this.isGone) return;
    this.#world.after(this.#random.between(15_000, 60_000), () => this.#tick());
    this.#live();
    if (this.isAway || this.#isBusy) return;
    this.#poll();
    for (const tenant of this.#tenants.values()) tenant.tell();
    this.#holder.tell();
  }

  /** What the cluster asks for by itself. */
  get hold(): ToldHold {
    return this.#holder.hold;
  }

  /** What happens to a cluster by itself. */
  #live(): void {
    const { away, awayMsMax, restart } = this.#world.weather();
    const now = this.#world.now();
    if (now >= this.awayUntil && this.#random.chance(away)) {
      this.awayUntil = now + this.#random.between(MINUTE, awayMsMax);
      this.#world.tell(`${this.name} is away for ${Math.round((this.awayUntil - now) / 1000)} s`);
    }
    if (this.#random.chance(restart)) this.#restart();
    this.#holder.live();
    for (const tenant of this.#tenants.values()) tenant.live();
  }

  /** Keeps what is in force, which is in the cluster; forgets all that it held in memory. */
  #restart(): void {
    this.run += 1;
    this.#etag = undefined;
    this.#beatAt = Number.NEGATIVE_INFINITY;
    for (const tenant of this.#tenants.values()) tenant.restart();
    this.#holder.restart();
  }

  #poll(): void {
    this.#isBusy = true;
    const now = this.#world.now();
    const isWhole = now - this.#wholeAt > WHOLE_MS;
    const etag = isWhole ? undefined : this.#etag;
    const beat = now - this.#beatAt > BEAT_MS;
    const { run } = this;
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
        if (isOver || run !== this.run || this.isAway) return;
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

  #take(jws: string): void {
    const payload = Buffer.from(jws.split(".")[1] ?? "", "base64url").toString();
    const statement = statementSchema.parse(JSON.parse(payload));
    const { app } = statement;
    const known = this.#tenants.get(app);
    const tenant = known ?? new Tenant(this, this.#world, this.#randomOf(app));
    this.#tenants.set(app, tenant);
    tenant.take(statement);
  }

  /** Any other App has chances of its own, and changes none of the cluster's. */
  #randomOf(app: string): Random {
    return app === this.#world.app ? this.#random : this.#random.branch(app);
  }
}
