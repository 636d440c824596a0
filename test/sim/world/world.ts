/** One hub and its clusters, simulated: the production handlers over the simulator's table, stream, bus and schedules. */
import { GetCommand } from "@aws-sdk/lib-dynamodb";
import { hubStamp } from "#core/actor.ts";
import type { HubEvent } from "#core/event.ts";
import { Problem } from "#core/problem.ts";
import { parseResource } from "#core/resource.ts";
import { setHold } from "../../../functions/api/holds.ts";
import { forgetCluster } from "../../../functions/apply/forget.ts";
import { busTargets } from "../../../functions/local/events.ts";
import { AppSweeper } from "../../../functions/release/sweep-apps.ts";
import { putTree } from "../../../functions/release/content.ts";
import { sweepRollouts, tickReported } from "../../../functions/rollout/tick-apps.ts";
import { createDb, type Db } from "../../../functions/store/db.ts";
import { putHub } from "../../../functions/store/hub-write.ts";
import {
  deleteResource,
  ensureProject,
  getResource,
  putResource,
} from "../../../functions/store/resource.ts";
import { putSourceState } from "../../../functions/store/state.ts";
import type { Key } from "../../../functions/store/table.ts";
import { factsOf } from "../../../functions/stream/facts.ts";
import { settled } from "../../../functions/stream/settled.ts";
import { recordTimelines } from "../../../functions/stream/timeline.ts";
import { clientOf } from "../engine/client.ts";
import { Engine } from "../engine/engine.ts";
import { keyOf } from "../engine/item.ts";
import type { Change } from "../engine/table.ts";
import { Loop, type Ended, type Task } from "../kernel/loop.ts";
import { Random } from "../kernel/random.ts";
import { Agent, type AgentWorld } from "./agent.ts";
import { PROJECT, WorldApp } from "./app.ts";
import { filesOf, nextCommit, withMore, type Commit } from "./content.ts";
import { publish, Stream, type BusTarget } from "./deliver.ts";
import { featuresOf, type Features } from "./features.ts";
import { outboundOf, secrets, type Said } from "./judge.ts";
import { createObjects, renderer, signer, type HubDeps } from "./parts.ts";
import { labelsOf, placeOf, type Deed } from "./people.ts";
import { weatherOf, type Weather } from "./weather.ts";

/** The App that every seed has, and the one that it depends on in some. */
export const APP = "shop";
export const BASE = "base";
const START = 1_800_000_000_000;
const SWEEP_MS = 60_000;
const SWEEP_APPS_MS = 3 * 60_000;
const LATE_GATE_MS_MAX = 4 * 60_000;
const KEY = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;

/** What a test may put between the simulator and the table: how the simulator itself is tested. */
export interface Seams {
  /** Instead of a request of a function: `execute` does any. */
  request?: (
    command: object,
    execute: (command: object) => object,
    at: { task: Task; now: number },
  ) => object;
  /** A second engine, which has to answer alike. */
  beside?: (command: object, answer: () => object) => Promise<object>;
}

/** Who is told of everything, as it is, whatever the hub knows of it. */
export interface Watcher {
  changed(change: Change, task: Task | undefined): void;
  taken: AgentWorld["onTaken"];
  healthy: AgentWorld["onHealthy"];
  /** A function read this item of the table, consistently. */
  read(key: Key, task: Task): void;
}

export class World {
  readonly seed: string;
  readonly loop: Loop;
  readonly agents = new Map<string, Agent>();
  readonly commits: Commit[] = [];
  readonly watchers: Watcher[] = [];
  readonly story: string[] = [];
  readonly objects = createObjects();
  /** At once and for sure: for people's tools and the oracle. */
  readonly db: Db;
  readonly apps = new Map<string, WorldApp>();
  readonly features: Features;
  weather: Weather;
  readonly #engine: Engine;
  readonly #stream: Stream;
  readonly #random: Random;
  readonly #faults: Random;
  readonly #judge: Random;
  readonly #seams: Seams;
  #clusters = 0;

  constructor(seed: string, seams: Seams = {}) {
    this.seed = seed;
    this.#seams = seams;
    const root = new Random(seed);
    this.#random = root.branch("world");
    this.#faults = root.branch("faults");
    this.#judge = root.branch("judge");
    this.features = featuresOf(root);
    const weather = weatherOf(root.branch("weather"));
    // What is answered late matters where it is asked again meanwhile.
    this.weather = this.features.late === undefined ? weather : { ...weather, doubt: 0.7 };
    this.loop = new Loop(START, root.branch("requests"), this.weather.rough);
    this.#engine = new Engine({
      now: () => this.loop.now,
      age: (versions) => (this.#faults.chance(this.weather.old) ? this.#faults.between(0, versions) : 0),
      onChange: (change) => this.#changed(change),
    });
    this.db = createDb(
      clientOf(this.#engine, seams.beside && ((command, run) => this.#twice(command, run))),
      "fairlead",
    );
    this.#stream = new Stream(this.loop, root.branch("stream"), () => this.weather.stream, this.#followers());
    const { base } = this.features;
    if (base !== undefined) this.#addApp(BASE, base, () => ({ path: BASE, clusters: placeOf(base) }));
    this.#addApp(APP, this.#random, () => ({
      path: "apps/${cluster.labels.flavor}",
      clusters: { matchLabels: { on: "yes" } },
      ...(base?.chance(0.9) === true ? { dependsOn: [BASE] } : {}),
    }));
  }

  now = (): number => this.loop.now;

  tell(what: string): void {
    this.story.push(`${clock(this.loop.now - START)} ${what}`);
  }

  async open(): Promise<void> {
    const hub = { hub: "hub-sim", epoch: 1, serial: 1, charter: "simulated", recoveryKey: KEY };
    await putHub(this.db, hub, undefined);
    await ensureProject(this.db, PROJECT, hubStamp("open"));
    await this.#apply("Source", "fleet", { git: { url: "https://git.example.com/fleet.git" } });
    // Above ten ranks at once the bus hands them out.
    const clusters = this.#random.chance(0.1) ? this.#random.between(12, 24) : this.#random.between(2, 8);
    for (let count = clusters; count > 0; count -= 1) await this.#join();
    for (const app of this.apps.values()) await app.edit();
    await this.commit();
    this.#schedule("sweep of rollouts", SWEEP_MS, (deps) => sweepRollouts(deps));
    const apps = new AppSweeper();
    this.#schedule("sweep of Apps", SWEEP_APPS_MS, (deps) => apps.sweep(deps));
  }

  async do(deed: Deed, of: string = APP): Promise<void> {
    const app = this.#appOf(of);
    if (deed.kind === "commit") await this.commit();
    if (deed.kind === "edit") await app.edit();
    if (deed.kind === "delete") await app.remove({ by: deed.by });
    if (deed.kind === "join") await this.#join();
    if (deed.kind === "leave") await this.#leave();
    if (deed.kind === "label") await this.#label(this.#random.pick([...this.agents.keys()]), deed.labels);
    if (deed.kind === "hold") this.#hold(this.#random.pick([...this.agents.keys()]), deed);
    if (deed.kind === "return") await app.return(deed.by);
    if (deed.kind === "tell") await app.tellRollout(deed);
  }

  async commit(next: Commit = nextCommit(this.#random, this.commits)): Promise<void> {
    const commit = withMore(next, this.commits, this.features);
    this.commits.push(commit);
    const tree = await putTree(this.objects, filesOf(commit));
    this.tell(`commit ${this.commits.length}: ${wordsOf(commit)}`);
    await putSourceState(this.db, PROJECT, "fleet", {
      kind: "read",
      commit: `${this.commits.length}`.padStart(40, "0"),
      author: "Ada",
      email: "ada@example.com",
      message: "a commit",
      committedAt: 1,
      tree,
      at: this.now() + this.commits.length,
    });
  }

  #appOf(name: string): WorldApp {
    const app = this.apps.get(name);
    if (app === undefined) throw new Error(`this seed has no App ${name}`);
    return app;
  }

  #addApp(name: string, random: Random, spec: () => object): void {
    const world = {
      db: this.db,
      now: this.now,
      tell: (what: string) => this.tell(what),
      apply: (asked: object) => this.#apply("App", name, { source: "fleet", ...asked }),
      start: (task: string, work: (deps: HubDeps) => Promise<void>) => this.#start(task, work),
      ...this.features,
      spec,
      ofApp: ofApp(name),
    };
    this.apps.set(name, new WorldApp(name, world, random));
  }

  /** By the function behind `cluster hold` and `release-hold`. */
  #hold(cluster: string, { ms, by }: Extract<Deed, { kind: "hold" }>): void {
    const hold = ms === 0 ? undefined : { until: this.now() + ms, reason: "payday" };
    this.tell(`${by} ${hold === undefined ? "lifts the hold of" : `holds for ${ms / 1000} s`} ${cluster}`);
    this.#start(`hold of ${cluster}`, async ({ db }) => {
      if ((await getResource(db, "Cluster", PROJECT, cluster)) === undefined) return;
      await setHold(db, { project: PROJECT, cluster }, hold, { by }).catch(allowed);
    });
  }

  async #join(): Promise<void> {
    const name = `c${(this.#clusters += 1)}`;
    await this.#label(name, labelsOf(this.#random));
    this.agents.set(name, new Agent(name, this.#agentWorld(), this.#random.branch(name)));
  }

  async #label(name: string, labels: Record<string, string>): Promise<void> {
    this.tell(`cluster ${name}: ${JSON.stringify(labels)}`);
    await this.#apply("Cluster", name, {}, labels);
  }

  async #leave(): Promise<void> {
    const [name, agent] = this.#random.pick([...this.agents]);
    const stored = await getResource(this.db, "Cluster", PROJECT, name);
    if (this.agents.size < 3 || stored === undefined) return;
    this.tell(`cluster ${name} is deleted`);
    agent.isGone = true;
    this.agents.delete(name);
    await deleteResource(this.db, stored, hubStamp("sim"));
    this.#start(`end of ${name}`, ({ db }) => forgetCluster(db, PROJECT, name));
  }

  async #apply(kind: string, name: string, spec: object, labels: Record<string, string> = {}): Promise<void> {
    const document = {
      apiVersion: "fairlead.dev/v1",
      kind,
      metadata: { name, project: PROJECT, labels },
      spec,
    };
    const parsed = parseResource("document", document);
    if (parsed.kind === "refused") throw new Error(parsed.message);
    await putResource(this.db, parsed.resource, { by: "user:ada" });
  }

  #changed(change: Change): void {
    for (const watcher of this.watchers) watcher.changed(change, this.loop.current);
    this.#stream.push(change);
  }

  async #twice(command: object, run: () => object): Promise<object> {
    return this.#seams.beside === undefined ? run() : this.#seams.beside(command, run);
  }

  /** A function of the hub, on a machine of its own. */
  #start(
    name: string,
    work: (deps: HubDeps, task: Task) => Promise<void>,
    ended?: (how: Ended) => void,
  ): void {
    this.loop.start(name, (task) => work(this.#deps(task), task), ended);
  }

  #deps(task: Task): HubDeps {
    const { skewMs } = this.weather;
    const skew = this.#faults.between(-skewMs, skewMs + 1);
    const through = (command: object, run: () => object): Promise<object> =>
      task.park(() => {
        if (command instanceof GetCommand && command.input.ConsistentRead === true)
          for (const watcher of this.watchers) watcher.read(keyOf(command.input.Key), task);
        const { request } = this.#seams;
        const execute = (other: object): object => this.#engine.execute(other);
        return request?.(command, execute, { task, now: this.loop.now }) ?? this.#twice(command, run);
      });
    return {
      db: createDb(clientOf(this.#engine, through), "fairlead"),
      objects: this.objects,
      signer,
      renderer,
      now: () => this.loop.now + skew,
      outbound: outboundOf(task, {
        now: this.now,
        random: this.#judge,
        doubt: () => this.weather.doubt,
        late: () => this.#lateGate(),
        said: (one) => this.#said(one),
      }),
      secrets: secrets as unknown as HubDeps["secrets"],
    };
  }

  /** Some take longer than it takes until they are asked again. */
  #lateGate(): Promise<void> | undefined {
    const { late } = this.features;
    if (late === undefined || !late.chance(0.5)) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.loop.after(late.between(5_000, LATE_GATE_MS_MAX), resolve);
    return promise;
  }

  #said(one: Said): void {
    this.#appOf(one.app).said.push(one);
    const { app, gate, stage, release, attempt, verdict } = one;
    this.tell(
      `gate ${gate} of stage ${stage} of release ${release}${ofApp(app)} is answered ${verdict}, attempt ${attempt}`,
    );
  }

  #followers() {
    return [
      {
        name: "relay",
        work: async (task: Task, records: Parameters<typeof recordTimelines>[1]) => {
          const events = records.flatMap(factsOf);
          const sent = task.park(() => this.#publish(events));
          await settled(sent, recordTimelines(this.#deps(task).db, records));
        },
      },
      {
        name: "rollout-tick",
        work: (task: Task, records: Parameters<typeof tickReported>[1]) =>
          tickReported(this.#deps(task), records),
      },
    ];
  }

  #publish(events: readonly HubEvent[]): void {
    publish(this.loop, this.#faults, this.weather.bus, this.#targets(), events);
  }

  /** By the hub's own list of who hears what. */
  #targets(): BusTarget[] {
    const of = (deps: HubDeps) => busTargets({ deps, release: deps, sources: deps, promote: deps });
    const named = of({} as HubDeps);
    return named.map(({ name, types }, index) => ({
      name,
      types,
      handle: async (task, event) => of(this.#deps(task))[index]?.handle(event),
    }));
  }

  #schedule(name: string, everyMs: number, work: (deps: HubDeps) => Promise<void>): void {
    const next = (): void => {
      this.loop.after(everyMs, next);
      if (!this.#faults.chance(this.weather.sweepSkip)) this.#start(name, work);
    };
    this.loop.after(this.#faults.between(1, everyMs), next);
  }

  #agentWorld(): AgentWorld {
    return {
      seed: this.seed,
      app: APP,
      holdable: [APP, "other", ...(this.apps.has(BASE) ? [BASE] : [])],
      ofApp,
      now: this.now,
      after: (ms, run) => this.loop.after(ms, run),
      call: (name, work, ended) => this.#start(name, work, ended),
      weather: () => this.weather,
      tell: (what) => this.tell(what),
      onTaken: (...told) => this.watchers.forEach((watcher) => watcher.taken(...told)),
      onHealthy: (...told) => this.watchers.forEach((watcher) => watcher.healthy(...told)),
    };
  }
}

/** For stories: which App is meant, where it is not the one that every seed has. */
export function ofApp(name: string | undefined): string {
  return name === undefined || name === APP ? "" : ` of ${name}`;
}

function wordsOf({ plain, spicy, ...more }: Commit): string {
  return Object.entries({ plain, spicy, ...more })
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

/** A refusal is an answer: whoever asked may ask again. */
export function allowed(error: unknown): void {
  if (!(error instanceof Problem)) throw error;
}

/** `1:02:03.004` since the start. */
function clock(ms: number): string {
  const part = (value: number, digits: number): string => String(Math.floor(value)).padStart(digits, "0");
  return `${part(ms / 3_600_000, 1)}:${part((ms / 60_000) % 60, 2)}:${part((ms / 1000) % 60, 2)}.${part(ms % 1000, 3)}`;
}
