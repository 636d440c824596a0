/**
 * Checks of the gates of this cluster's stage, asked again and again while the App stands: the objects are read with the
 * agent's own rights, and an answer is told when it changes.
 */
import type { CheckJudge } from "#core/health/checks.ts";
import type { CheckAnswer, OrderedCheck } from "#core/object-check.ts";
import { sentence } from "#core/text.ts";
import type { AgentDeps } from "../deps.ts";
import { KubeError } from "../kube/port.ts";
import type { Patience } from "./patience.ts";
import { EVALUATION_MS_MAX } from "./rules.ts";

interface Held {
  judges: { check: OrderedCheck; judge: CheckJudge }[];
  patience: Patience;
}

export class Checks {
  readonly #deps: Pick<AgentDeps, "kube" | "clock">;
  /** By the list in the statement that is in force. */
  readonly #held = new WeakMap<readonly OrderedCheck[], Promise<Held>>();

  constructor(deps: Pick<AgentDeps, "kube" | "clock">) {
    this.#deps = deps;
  }

  async answer(checks: readonly OrderedCheck[]): Promise<CheckAnswer[]> {
    const made = this.#held.get(checks) ?? this.#make(checks);
    this.#held.set(checks, made);
    const held = await made;
    const answers: CheckAnswer[] = [];
    for (const one of held.judges) answers.push(await this.#answerOne(one, held.patience));
    return answers;
  }

  async #answerOne({ check, judge }: Held["judges"][number], patience: Patience): Promise<CheckAnswer> {
    const { apiVersion, kind, namespace, name, gate } = check;
    try {
      const object = await this.#deps.kube.get({ apiVersion, kind, namespace, name });
      return judge(object, (work) => patience.ask(gate, work));
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      const why =
        error.status === 403
          ? `${kind} ${namespace}/${name} may not be read by the agent: allow it to get it`
          : `${kind} ${namespace}/${name} cannot be read: ${error.reason}: ${error.message}`;
      return { gate, verdict: "inconclusive", message: sentence(why) };
    }
  }

  async #make(checks: readonly OrderedCheck[]): Promise<Held> {
    const { compileCheck } = await import("#core/health/checks.ts");
    const { Timed } = await import("./timed.ts");
    const { Patience } = await import("./patience.ts");
    const patience = new Patience(new Timed(EVALUATION_MS_MAX), this.#deps.clock, EVALUATION_MS_MAX);
    return { judges: checks.map((check) => ({ check, judge: compileCheck(check) })), patience };
  }
}
