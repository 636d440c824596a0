/**
 * Health of an App's objects: by its own rules where its statement brings any, else by those that are built in. CEL is
 * loaded with the first rule, and compiled once for each statement: most agents never need it.
 */
import type { SyncOptions } from "#core/app.ts";
import { kindKey, type HealthRule } from "#core/health-rule.ts";
import { health, type Health } from "#core/health.ts";
import type { RuleJudge } from "#core/health/expressions.ts";
import type { KubeObject } from "#core/object.ts";
import type { AgentDeps } from "../deps.ts";
import type { Patience } from "./patience.ts";

export type HealthOf = (object: KubeObject) => Health;

/** A rule over an ordinary object takes a millisecond; a process that is short of CPU may take long for that. */
export const EVALUATION_MS_MAX = 500;

interface Held {
  judge: RuleJudge;
  patience: Patience;
}

export class HealthRules {
  readonly #deps: Pick<AgentDeps, "clock">;
  /** By the list in the statement that is in force. */
  readonly #held = new WeakMap<readonly HealthRule[], Promise<Held>>();

  constructor(deps: Pick<AgentDeps, "clock">) {
    this.#deps = deps;
  }

  async of({ health: rules }: Pick<SyncOptions, "health">): Promise<HealthOf> {
    if (rules === undefined || rules.length === 0) return health;
    const made = this.#held.get(rules) ?? this.#make(rules);
    this.#held.set(rules, made);
    const { judge, patience } = await made;
    return (object) => judge(object, (work) => patience.ask(kindKey(object), work)) ?? health(object);
  }

  async #make(rules: readonly HealthRule[]): Promise<Held> {
    const { compileHealthRules } = await import("#core/health/expressions.ts");
    const { Timed } = await import("./timed.ts");
    const { Patience } = await import("./patience.ts");
    const patience = new Patience(new Timed(EVALUATION_MS_MAX), this.#deps.clock, EVALUATION_MS_MAX);
    return { judge: compileHealthRules(rules), patience };
  }
}
