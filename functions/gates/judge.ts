/**
 * Judges one gate and writes what it said into the rollout, if anybody still waits for this attempt; then the rollout
 * takes its next step. Whatever is lost on the way is asked for again by the sweep: nothing passes because nobody answered.
 */
import { assert } from "#core/assert.ts";
import type { HubEvent } from "#core/event.ts";
import type { Verdict } from "#core/gate.ts";
import { takeVerdict, waitingGate } from "#core/rollout.ts";
import type { Outbound } from "../outbound/port.ts";
import type { AssignDeps } from "../rollout/assign.ts";
import { tick } from "../rollout/tick.ts";
import type { SecretStore } from "../secrets/port.ts";
import { getProject } from "../store/resource.ts";
import { getRollout, putRollout } from "../store/rollout.ts";
import { GateTrouble, type Question } from "./ask.ts";
import { judgeCheck } from "./check.ts";
import { judgePrometheus } from "./prometheus.ts";
import { judgeScan } from "./scan.ts";
import { judgeWebhook } from "./webhook.ts";

export interface JudgeDeps extends AssignDeps {
  outbound: Outbound;
  secrets: Pick<SecretStore, "get">;
}

type GateAsked = Extract<HubEvent, { type: "rollout.gate.asked" }>["detail"];

const RACES_MAX = 20;

export async function judgeAsked(deps: JudgeDeps, event: HubEvent): Promise<void> {
  if (event.type === "rollout.gate.asked") await judgeGate(deps, event.detail);
}

/** `stale`: nobody waits for an answer to this attempt, or not any more. */
export async function judgeGate(deps: JudgeDeps, asked: GateAsked): Promise<"judged" | "stale"> {
  const { project, app, release, gate: name, attempt } = asked;
  const rollout = await getRollout(deps.db, project, app, release);
  const gate = rollout === undefined ? undefined : waitingGate(rollout, name, attempt);
  if (rollout === undefined || gate === undefined) return "stale";
  const egress = (await getProject(deps.db, project))?.spec.egress ?? [];
  const { stage } = asked;
  const http = deps.outbound.to(egress);
  const verdict = await verdictOf(deps, { ...deps, rollout, gate, stage, attempt, at: deps.now(), http });
  for (let race = 0; race < RACES_MAX; race++) {
    const now = await getRollout(deps.db, project, app, release);
    const next =
      now === undefined ? undefined : takeVerdict(now, { gate: name, attempt, verdict }, deps.now());
    if (next === undefined) return "stale";
    if ((await putRollout(deps.db, next)) === "lost") continue;
    await tick(deps, project, app, release);
    return "judged";
  }
  throw new Error(
    `the rollout of release ${release} of ${app} changes too often to write what gate ${name} said`,
  );
}

async function verdictOf(deps: JudgeDeps, question: Question): Promise<Verdict> {
  const { prometheus, webhook, scan, check } = question.gate;
  try {
    if (prometheus !== undefined) return await judgePrometheus(question, prometheus);
    if (webhook !== undefined) return await judgeWebhook(question, webhook);
    if (check !== undefined) return await judgeCheck(deps, question);
    assert(scan !== undefined, "a gate is of one kind");
    return await judgeScan(deps, question, scan);
  } catch (error) {
    if (error instanceof GateTrouble) return { kind: "inconclusive", message: error.message };
    throw error;
  }
}
