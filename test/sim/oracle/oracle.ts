/**
 * What must hold of one App at every step, whatever goes wrong. It is told every write and what is true of the clusters; it
 * uses none of what the engine keeps about who is out, free or settled.
 */
import type { Rollout } from "#core/rollout.ts";
import type { Statement } from "#core/statement.ts";
import type { Item } from "../../../functions/store/db.ts";
import { rolloutOfItem } from "../../../functions/store/rollout.ts";
import type { Key } from "../../../functions/store/table.ts";
import type { Change } from "../engine/table.ts";
import type { Task } from "../kernel/loop.ts";
import { PROJECT, type WorldApp } from "../world/app.ts";
import { ofApp, type World } from "../world/world.ts";
import { checkBudget, checkReturn } from "./budget.ts";
import { SKEW_MS, type Checks } from "./checks.ts";
import { Facts } from "./facts.ts";
import { checkAnswers, checkGates } from "./gates.ts";
import { Gone } from "./gone.ts";
import { wrongTurn } from "./turns.ts";
import { newestOf, targetsIn, versionsSince, type Entry } from "./ledger.ts";
import { Needs } from "./needs.ts";
import { checkWithheld } from "./withheld.ts";

export class Broken extends Error {}

const ROLLOUT = /^rollout#0*(\d+)$/;
const FORWARD: ReadonlySet<string> = new Set(["running", "paused", "halted", "succeeded"]);
const UNDER_WAY: ReadonlySet<string> = new Set(["running", "paused", "halted", "rolling-back"]);
const ENDS: ReadonlySet<string> = new Set(["superseded", "aborted", "rolled-back"]);

/** A rollout that moves a cluster, as it was when the task that moves it read it. */
interface Mover {
  entry: Entry;
  readAt: number;
}

function isIn(list: Entry["targets"], cluster: string, statement: unknown): boolean {
  return list.some((one) => one.cluster === cluster && one.statement === statement);
}

export class Oracle implements Checks {
  readonly facts: Facts;
  readonly entries = new Map<number, Entry>();
  readonly world: World;
  readonly app: string;
  readonly told: WorldApp["told"];
  readonly said: WorldApp["said"];
  readonly now: () => number;
  readonly isThere = (cluster: string): boolean => this.world.agents.has(cluster);
  broken: Broken | undefined;
  readonly checked = { assignments: 0, gates: 0, returns: 0 };
  readonly needs: Needs | undefined;
  /** As Apps that depend on this one see it. */
  readonly asNeed: Needs;
  readonly #gone: Gone;
  readonly #partition: string;
  /** By task, the rollouts that it read, the last one last, and when: it may have several in hand at once. */
  readonly #movers = new Map<Task, Map<number, number>>();
  readonly #inForce = new Map<string, number>();

  /** `base`: the oracle of the App that this one may depend on. */
  constructor(world: World, { name, told, said }: WorldApp, base?: Oracle) {
    this.world = world;
    this.app = name;
    this.told = told;
    this.said = said;
    this.now = world.now;
    this.facts = new Facts(world.now);
    this.asNeed = new Needs(this.entries, world.now);
    this.needs = base?.asNeed;
    this.#gone = new Gone(world, name);
    this.#partition = `p#${PROJECT}#a#${name}`;
    world.watchers.push({
      changed: (change, task) => this.#guard(() => this.#changed(change, task)),
      taken: (cluster, statement) => this.#guard(() => this.#taken(cluster, statement)),
      healthy: (cluster, { app, generation }) => {
        if (app === name) this.facts.healthy(cluster, generation);
      },
      read: (key, task) => {
        const release = this.#releaseOf(key);
        if (release !== undefined) this.#noteMover(task, release);
      },
    });
  }

  #noteMover(task: Task, release: number): void {
    const read = this.#movers.get(task) ?? new Map<number, number>();
    this.#movers.set(task, read);
    read.delete(release);
    read.set(release, this.world.now());
  }

  /** Of those that the task had in hand, the one whose statement this is; else the one that it read last. */
  #moverOf(task: Task | undefined, cluster: string, statement: unknown): Mover | undefined {
    const read = task === undefined ? [] : [...(this.#movers.get(task) ?? [])].toReversed();
    const movers = read.flatMap(([release, readAt]): Mover[] => {
      const entry = this.entries.get(release);
      return entry === undefined ? [] : [{ entry, readAt }];
    });
    const isListed = ({ entry: { targets, back } }: Mover): boolean =>
      isIn(targets, cluster, statement) || isIn(back, cluster, statement);
    return movers.find(isListed) ?? movers[0];
  }

  /** Of a rollout of this App. */
  #releaseOf({ pk, sk }: Key): number | undefined {
    const release = pk === this.#partition ? ROLLOUT.exec(sk)?.[1] : undefined;
    return release === undefined ? undefined : Number(release);
  }

  must(holds: boolean, what: string): void {
    if (!holds) throw new Broken(what);
  }

  #guard(check: () => void): void {
    if (this.broken !== undefined) return;
    try {
      check();
    } catch (thrown) {
      if (!(thrown instanceof Broken)) throw thrown;
      this.broken = thrown;
      this.world.tell(`BROKEN${ofApp(this.app)}: ${thrown.message}`);
    }
  }

  #changed({ key, before, after }: Change, task: Task | undefined): void {
    const { pk, sk } = key;
    if (this.#releaseOf(key) !== undefined && after !== undefined) this.#rollout(rolloutOfItem(after), task);
    else if (sk === `assign#${this.app}` && after !== undefined) this.#assigned(key, before, after, task);
    else if (/#beats#\d+$/.test(pk)) this.facts.beat(after);
    else if (pk.startsWith(`${this.#partition}#`) && /#\d+$/.test(pk)) this.#placement(sk, before, after);
    else if (pk === `p#${PROJECT}` && sk === `app#${this.app}`) this.#resource(before, after);
    else if (pk === `p#${PROJECT}` && sk === `app-state#${this.app}` && after !== undefined)
      this.asNeed.record(after);
  }

  #resource(before: Item | undefined, after: Item | undefined): void {
    this.asNeed.resource(after);
    if (before === undefined || after !== undefined) return;
    const wrong = this.#gone.went(Math.max(0, ...this.entries.keys()));
    this.must(wrong === undefined, wrong ?? "");
  }

  #rollout(rollout: Rollout, task: Task | undefined): void {
    const now = this.world.now();
    const known = this.entries.get(rollout.release);
    const peek = (name: string): unknown => this.world.objects.peek(name);
    const entry: Entry = known ?? {
      release: rollout.release,
      startedAt: now,
      versions: [],
      targets: targetsIn(peek, rollout.targets),
      back: [],
      given: new Map(),
      returned: new Map(),
      turns: new Map(),
      wrongTurns: new Map(),
    };
    const was = known === undefined ? undefined : newestOf(known);
    if (was !== undefined) {
      this.#step(was, rollout);
      checkAnswers(this, was, rollout);
      // What was withheld has its list, and begins, once it is signed.
      if (was.targets !== rollout.targets)
        Object.assign(entry, { targets: targetsIn(peek, rollout.targets), startedAt: now });
    }
    checkWithheld(this, entry, was, rollout);
    if (rollout.back !== undefined && entry.back.length === 0)
      entry.back = targetsIn(peek, rollout.back.targets);
    this.entries.set(rollout.release, entry);
    entry.versions.push({ at: now, rollout });
    const out = new Set(was?.out);
    for (const rank of rollout.out) if (!out.has(rank)) this.#turn(entry, rank, task?.startedAt ?? now);
    this.#alone(entry, rollout);
    this.world.tell(wordsOf(rollout, was, task));
  }

  /** A rank is released. */
  #turn(entry: Entry, rank: number, since: number): void {
    const { cluster = "" } = entry.targets[rank] ?? {};
    const wrong = wrongTurn(this, entry, rank, since);
    if (wrong === undefined) entry.wrongTurns.delete(cluster);
    else entry.wrongTurns.set(cluster, `release ${entry.release}: ${cluster} is moved ${wrong}`);
    if (entry.turns.has(cluster)) return;
    entry.turns.set(cluster, this.facts.wasUnhealthySince(cluster, since));
    this.must(
      !this.facts.isSilentSince(cluster, since - SKEW_MS),
      `release ${entry.release}: ${cluster} is moved while it is silent`,
    );
  }

  /** No two rollouts of an App move clusters. */
  #alone({ release }: Entry, { state }: Rollout): void {
    if (!UNDER_WAY.has(state.kind)) return;
    const other = [...this.entries.values()].find(
      (one) => one.release !== release && UNDER_WAY.has(newestOf(one).state.kind),
    );
    if (other === undefined) return;
    // Of one transaction the release that takes the place is written first.
    this.world.loop.after(1, () =>
      this.#guard(() =>
        this.must(
          !UNDER_WAY.has(newestOf(other).state.kind) || !UNDER_WAY.has(state.kind),
          `releases ${other.release} and ${release} are under way at the same time`,
        ),
      ),
    );
  }

  #step(was: Rollout, is: Rollout): void {
    const name = `release ${is.release}`;
    this.must(is.fence >= was.fence, `${name}: its fence shrinks from ${was.fence} to ${is.fence}`);
    this.must(is.released >= was.released, `${name}: ranks go back from ${was.released} to ${is.released}`);
    this.must(is.stage >= was.stage, `${name}: goes back to stage ${is.stage}`);
    this.must(is.version === was.version + 1, `${name}: version ${is.version} follows ${was.version}`);
    const ended =
      ENDS.has(was.state.kind) && !(was.state.kind === "aborted" && is.state.kind === "rolling-back");
    this.must(
      !ended || is.state.kind === was.state.kind,
      `${name}: ${was.state.kind} becomes ${is.state.kind}`,
    );
  }

  /** A statement is about to reach a cluster. */
  #assigned(key: Key, before: Item | undefined, after: Item, task: Task | undefined): void {
    const cluster = /#c#([^#]+)$/.exec(key.pk)?.[1] ?? "";
    this.must(
      isNewer(after, before),
      `${cluster}: generation ${String(after["generation"])} is not above the one before`,
    );
    const mover = this.#moverOf(task, cluster, after["statement"]);
    if (mover === undefined) throw new Broken(`${cluster}: assigned by nobody's rollout`);
    const { entry, readAt } = mover;
    const states = versionsSince(entry, readAt).map(({ state }) => state.kind);
    const where = `${cluster}, release ${entry.release} (${states.join(", ")})`;
    this.checked.assignments += 1;
    this.must(
      !this.#gone.isAfter(entry.release, readAt),
      `${where}: a statement is assigned after the end of its App`,
    );
    if (isIn(entry.targets, cluster, after["statement"])) {
      this.must(
        states.some((kind) => FORWARD.has(kind)),
        `${where}: a statement is assigned by a rollout that may not`,
      );
      this.must(entry.turns.has(cluster), `${where}: its turn has not come`);
      const wrong = entry.wrongTurns.get(cluster);
      this.must(wrong === undefined, wrong ?? "");
      checkGates(this, entry, cluster);
      checkBudget(this, entry, cluster);
      entry.given.set(cluster, { at: this.world.now(), isFree: entry.turns.get(cluster) ?? false });
    } else {
      this.must(isIn(entry.back, cluster, after["statement"]), `${where}: the statement is in no list of it`);
      this.must(states.includes("rolling-back"), `${where}: goes back while its rollout does not`);
      checkReturn(this, entry, cluster, task?.startedAt ?? this.world.now());
    }
    this.world.tell(
      `${cluster} is given generation ${String(after["generation"])} by release ${entry.release}${ofApp(this.app)}`,
    );
  }

  #placement(cluster: string, before: Item | undefined, after: Item | undefined): void {
    this.asNeed.placement(cluster, after);
    this.facts.placement(before, after);
    const seqOf = (item: Item | undefined): number =>
      Number((item?.["observed"] as Item | undefined)?.["seq"] ?? 0);
    this.must(after === undefined || seqOf(after) >= seqOf(before), "a report is taken over a newer one");
    const [was, is] = [before?.["assigned"], after?.["assigned"]] as (Item | undefined)[];
    if (was === undefined || is === undefined || JSON.stringify(was) === JSON.stringify(is)) return;
    this.must(isNewer(is, was), `a placement goes back to generation ${String(is["generation"])}`);
  }

  #taken(cluster: string, { app, generation }: Statement): void {
    if (app !== this.app) return;
    this.must(
      generation > (this.#inForce.get(cluster) ?? 0),
      `${cluster} takes generation ${generation} again`,
    );
    this.#inForce.set(cluster, generation);
  }
}

function isNewer(after: Item, before: Item | undefined): boolean {
  if (before === undefined) return true;
  const [epoch, was] = [Number(after["epoch"]), Number(before["epoch"])];
  return epoch > was || (epoch === was && Number(after["generation"]) > Number(before["generation"]));
}

function wordsOf(is: Rollout, was: Rollout | undefined, task: Task | undefined): string {
  const { app, release, state, stage, released, out, failed, later } = is;
  const step = state.kind === "running" && state.step !== undefined ? ` ${state.step.kind}` : "";
  const reason = "reason" in state ? ` (${state.reason})` : "";
  const set = (name: string, list: readonly number[]): string =>
    list.length === 0 ? "" : `, ${name} ${list.join(" ")}`;
  const ranks = `${set("out", out)}${set("failed", failed)}${set("later", later)}`;
  const back =
    is.back === undefined ? "" : `, back ${is.back.released}/${is.back.total}${set("out", is.back.out)}`;
  const born = was === undefined ? "new, " : "";
  return `release ${release}${ofApp(app)}: ${born}${state.kind}${step}${reason}, stage ${stage}, released ${released}/${is.total}${ranks}${back} [${task?.name ?? "people"}]`;
}
