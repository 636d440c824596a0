/**
 * What is told of one App: the view that its passes leave behind, with a refusal or the hub's silence laid over it.
 * Plain data in, plain data out: no ticking time, lists sorted, so equal states are one fingerprint.
 */
import { worstHealth, type Health } from "#core/health.ts";
import { REPORT_DRIFTS_MAX, REPORT_FAILURES_MAX } from "#core/limits.ts";
import { parseRefKey, refText } from "#core/object.ts";
import type { CheckAnswer } from "#core/object-check.ts";
import type { OutcomeCounts } from "#core/outcome.ts";
import type { Drift, Failure, Phase, PlacementReport } from "#core/protocol.ts";
import type { Statement } from "#core/statement.ts";
import { sentence } from "#core/text.ts";

/** A report without its number: what the fingerprint is over. */
export type Content = Omit<PlacementReport, "seq">;

export interface Refusal {
  message: string;
  /** Whose refusal, when the statement is truly the hub's; otherwise the numbers in force stay. */
  statement: Statement | undefined;
}

export function contentFor(app: string, statement: Statement): Content {
  const { epoch, generation, release, order } = statement;
  const bundle = order.action === "apply" ? { bundle: order.bundle.digest } : {};
  return { ...emptyContent(app), epoch, generation, release, ...bundle };
}

function emptyContent(app: string): Content {
  const numbers = { epoch: 0, generation: 0, release: 0, objects: 0, driftTotal: 0 };
  return { app, ...numbers, phase: "received", message: "", outcomes: {}, failures: [], drift: [] };
}

/** What was removed under these numbers; the objects are gone or left as they were. */
export function removedContent(
  app: string,
  numbers: Pick<Content, "epoch" | "generation" | "release">,
): Content {
  const { epoch, generation, release } = numbers;
  return { ...emptyContent(app), epoch, generation, release, phase: "removed", message: "removed" };
}

/** What stands in the way of everything: the agent's own memory of the App is damaged. */
export function brokenContent(app: string, message: string): Content {
  return { ...emptyContent(app), phase: "failed", message: sentence(message) };
}

/** Undefined when there is nothing to tell yet. */
export function contentOf({
  app,
  view,
  refusal,
  orphaned,
  fight,
  checks,
}: {
  app: string;
  view: Content | undefined;
  refusal: Refusal | undefined;
  orphaned: boolean;
  fight: string | undefined;
  checks: Answered | undefined;
}): Content | undefined {
  if (refusal !== undefined) {
    const { epoch, generation, release } = refusal.statement ?? view ?? emptyContent(app);
    const base = view ?? emptyContent(app);
    return { ...base, epoch, generation, release, phase: "refused", message: sentence(refusal.message) };
  }
  if (view === undefined) return undefined;
  if (!orphaned) {
    const answered = isOf(view, checks) ? { ...view, checks: checks.answers } : view;
    return fight === undefined || view.failures.length > 0 ? answered : { ...answered, message: fight };
  }
  if (view.phase === "removed") return undefined;
  return { ...view, phase: "orphaned", message: "the hub's answer lacks this App; its objects are kept" };
}

/** Of a generation; a view of another one has nothing to do with it. */
export interface Answered {
  epoch: number;
  generation: number;
  answers: CheckAnswer[];
}

function isOf(view: Content, checks: Answered | undefined): checks is Answered {
  return checks?.epoch === view.epoch && checks.generation === view.generation;
}

export interface Told {
  phase: Phase;
  message: string;
}

/** `open` is what is not current, by `refKey`; `objects` how many there are in all. */
export function phaseOf(open: ReadonlyMap<string, Health>, objects: number): Told {
  const sorted = [...open].sort(([a], [b]) => (a < b ? -1 : 1));
  const worst = worstHealth(sorted.map(([key, health]) => ({ ...health, key })));
  if (worst === undefined) return { phase: "healthy", message: `all ${objects} objects are current` };
  const message = sentence(`${refText(parseRefKey(worst.key))}: ${worst.sentence}`);
  return { phase: worst.status === "failed" ? "failed" : "progressing", message };
}

/** Sorted and cut; the view's message tells how many there are in all. */
export function failedView(view: Content, failures: readonly Failure[], outcomes: OutcomeCounts): Content {
  const sorted = [...failures].sort((a, b) => (a.object < b.object ? -1 : 1));
  const first = sorted[0];
  const count = failures.length > 1 ? `${failures.length} objects failed, first ` : "";
  const message = first === undefined ? "failed" : sentence(`${count}${first.object}: ${first.reason}`);
  return { ...view, phase: "failed", message, outcomes, failures: sorted.slice(0, REPORT_FAILURES_MAX) };
}

export function withDrift(view: Content, drift: readonly Drift[]): Content {
  const sorted = [...drift].sort((a, b) => (a.object < b.object ? -1 : 1));
  return { ...view, drift: sorted.slice(0, REPORT_DRIFTS_MAX), driftTotal: drift.length };
}
