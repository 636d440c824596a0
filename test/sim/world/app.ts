/** One App of the world: people apply and delete it, and tell its rollouts what comes to their minds. */
import type { Stamp } from "#core/actor.ts";
import type { CommandKind } from "#core/rollout.ts";
import { commandRollout } from "../../../functions/rollout/command.ts";
import { commandReturn } from "../../../functions/rollout/return-to.ts";
import type { Db } from "../../../functions/store/db.ts";
import { getResource, markDeleting } from "../../../functions/store/resource.ts";
import { getAppRecord, inForce } from "../../../functions/store/state.ts";
import type { Random } from "../kernel/random.ts";
import type { Features } from "./features.ts";
import type { Said } from "./judge.ts";
import type { HubDeps } from "./parts.ts";
import { budgetOf, rolloutSpec, withMoreGates } from "./people.ts";

export const PROJECT = "default";

interface AppWorld extends Pick<Features, "late" | "losses"> {
  db: Db;
  now: () => number;
  tell: (what: string) => void;
  apply: (spec: object) => Promise<void>;
  start: (name: string, work: (deps: HubDeps) => Promise<void>) => void;
  /** Where it is, and what it waits for. */
  spec: () => object;
  /** For stories. */
  ofApp: string;
}

export interface ToldCommand {
  at: number;
  release: number;
  command: CommandKind;
  by: string;
}

export class WorldApp {
  readonly name: string;
  /** Everything that was told to its rollouts, in order. */
  readonly told: ToldCommand[] = [];
  /** What its gates were answered. */
  readonly said: Said[] = [];
  readonly #world: AppWorld;
  readonly #random: Random;

  constructor(name: string, world: AppWorld, random: Random) {
    this.name = name;
    this.#world = world;
    this.#random = random;
  }

  /** It is applied, anew or again: also when it was about to go. */
  async edit(): Promise<void> {
    const { late, losses, ofApp, spec } = this.#world;
    const rollout = {
      ...withMoreGates(rolloutSpec(this.#random), late),
      ...(losses === undefined ? {} : { budget: budgetOf(losses) }),
    };
    this.#world.tell(`App${ofApp}: ${JSON.stringify(rollout)}`);
    await this.#world.apply({ ...spec(), rollout });
  }

  async remove(stamp: Stamp): Promise<void> {
    const stored = await getResource(this.#world.db, "App", PROJECT, this.name);
    if (stored === undefined || stored.deleting) return;
    this.#world.tell(`App${this.#world.ofApp} is deleted by ${stamp.by}`);
    await markDeleting(this.#world.db, stored, stamp);
  }

  async isKept(): Promise<boolean> {
    const stored = await getResource(this.#world.db, "App", PROJECT, this.name);
    return stored?.deleting === false;
  }

  async tellRelease(release: number, command: CommandKind, by: string): Promise<void> {
    this.told.push({ at: this.#world.now(), release, command, by });
    const of = this.#world.ofApp;
    this.#world.start(`${command} of release ${release}${of} by ${by}`, async (deps) => {
      const told = { project: PROJECT, app: this.name, release, command, stamp: { by } };
      const result = await commandRollout(deps, told);
      this.#world.tell(`${by} told release ${release}${of} to ${command}: ${result.kind}`);
    });
  }

  async tellRollout({ command, by }: { command: CommandKind; by: string }): Promise<void> {
    const record = await getAppRecord(this.#world.db, PROJECT, this.name);
    if (record === undefined || record.release === 0) return;
    const newest = this.#random.chance(0.15) ? record.release : inForce(record);
    const isOfHeld = record.withheld !== undefined && this.#world.losses?.chance(0.5) === true;
    await this.tellRelease(isOfHeld ? (record.withheld ?? newest) : newest, command, by);
  }

  /** By the function behind `rollout rollback --to`. */
  async return(by: string): Promise<void> {
    const record = await getAppRecord(this.#world.db, PROJECT, this.name);
    if (record === undefined || record.release < 2) return;
    const [release, to] = [inForce(record), this.#random.between(1, record.release + 1)];
    const of = this.#world.ofApp;
    this.#world.start(`return to release ${to}${of} by ${by}`, async (deps) => {
      const wish = { project: PROJECT, app: this.name, release, to, stamp: { by } };
      const result = await commandReturn(deps, wish);
      this.#world.tell(`${by} goes back to release ${to}${of}: ${result.kind}`);
    });
  }
}
