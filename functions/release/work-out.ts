/**
 * Works out what a release of a tree would be: renders it for the App's clusters, holds it against rules and budget, and
 * says what each cluster would be ordered. Writes nothing, so that a plan is made by the same steps as the release; why
 * a release is withheld is an answer beside what it would be.
 */
import { allAsked } from "#core/asked.ts";
import type { Bundle } from "#core/bundle.ts";
import { askedBy } from "#core/cluster-findings.ts";
import { NO_FINDINGS, type Findings } from "#core/finding.ts";
import { TARGETS_MAX } from "#core/limits.ts";
import { orderTooLong } from "#core/release.ts";
import { lossesOver, type ClusterLoss, type Losses } from "#core/losses.ts";
import type { AppError } from "#core/view.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Reads } from "../render/reads.ts";
import type { Renderer } from "../render/render.ts";
import { pulledChart } from "../charts/render.ts";
import { chartMissing } from "../charts/situation.ts";
import { questionsOf, readCapabilities, type Questions } from "./capabilities.ts";
import { readSchemas } from "./api-schemas.ts";
import { checkBundles, deliveriesOf } from "./check.ts";
import type { Files } from "./content.ts";
import { lossesOf, planTargets, type Planned } from "./plan.ts";
import type { Previous } from "./previous.ts";
import { renderTargets } from "./render-targets.ts";
import type { Situation } from "./situation.ts";

export interface WorkDeps {
  objects: Pick<ObjectStore, "get">;
  renderer: Pick<Renderer, "render" | "rego">;
}

export type Trouble = Omit<AppError, "commit">;

export type WorkedOut =
  | {
      kind: "worked-out";
      planned: Planned[];
      /** By cluster. */
      bundles: ReadonlyMap<string, Bundle>;
      warnings: Findings;
      questions: Questions;
      reads: Reads;
      /** Why none of it may be assigned. */
      withheld: Trouble | undefined;
      /** What each cluster would lose. */
      losses?: readonly ClusterLoss[];
      /** Above the budget: it waits for an approval. */
      over?: Losses | undefined;
    }
  /** Nothing was rendered; `questions` where it was tried. */
  | { kind: "failed"; error: Trouble; questions?: Questions };

/** `readFiles` is asked only where something is rendered. */
export async function workOut(
  deps: WorkDeps,
  { app, clusters, rules, chart, served }: Situation,
  previous: Previous,
  readFiles: () => Promise<Files>,
): Promise<WorkedOut> {
  // Leaving needs no permission.
  if (rules.kind === "refused" && !app.deleting) return { kind: "failed", error: { message: rules.message } };
  const files = clusters.length === 0 ? new Map<string, Uint8Array>() : await readFiles();
  if (chart !== undefined && chart.found === undefined && clusters.length > 0)
    return { kind: "failed", error: { message: chartMissing(chart) } };
  const pulled =
    chart?.found === undefined || clusters.length === 0
      ? undefined
      : await pulledChart(deps.objects, chart.chart, chart.found);
  const known = await readCapabilities(deps.objects, clusters, served);
  const rendered = await renderTargets(deps.renderer, app.resource, files, clusters, known, pulled);
  if (rendered.kind === "failed")
    return { kind: "failed", error: rendered.error, questions: questionsOf(rendered.asked, known) };
  const { bundles } = rendered;
  const questions = questionsOf(allAsked([rendered.asked, askedBy(deliveriesOf(bundles))]), known);
  const fleet = { known, schemas: await readSchemas(deps.objects, bundles.keys(), served) };
  const checked =
    rules.kind === "ruled"
      ? await checkBundles(deps.renderer, app.resource, rules, bundles, fleet)
      : { kind: "allowed" as const, warnings: NO_FINDINGS };
  const planned = planTargets(
    app.resource,
    bundles,
    previous.gone,
    previous.targets,
    new Map(clusters.map(({ metadata: { name, labels = {} } }) => [name, labels])),
    rules.kind === "ruled" ? rules.project.spec.health : [],
  );
  const made = { kind: "worked-out", planned, bundles, questions, reads: rendered.reads } as const;
  if (checked.kind === "withheld") return { ...made, warnings: NO_FINDINGS, withheld: checked.error };
  const message = tooMuch(planned);
  if (message !== undefined) return { ...made, warnings: checked.warnings, withheld: { message } };
  const losses = await lossesOf(deps.objects, app.resource, planned, bundles, previous.targets);
  const over = lossesOver(losses, app.resource.spec.rollout.budget, placedOn(previous));
  return { ...made, warnings: checked.warnings, withheld: undefined, losses, over };
}

function tooMuch(planned: readonly Planned[]): string | undefined {
  if (planned.length > TARGETS_MAX)
    return `spec.clusters matches ${planned.length} clusters, more than ${TARGETS_MAX}`;
  for (const { carried, wanted } of planned) {
    const message = carried === undefined ? orderTooLong(wanted) : undefined;
    if (message !== undefined) return message;
  }
  return undefined;
}

function placedOn({ targets }: Previous): number {
  return [...targets.values()].filter(({ action }) => action === "apply").length;
}

/** Whether a release would be made of it at all. */
export function changesAnything(planned: readonly Planned[], epoch: number): boolean {
  return planned.some(({ carried }) => carried === undefined || carried.epoch !== epoch);
}
