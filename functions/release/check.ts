/**
 * Holds what was rendered against the Project's rules, what its clusters serve, and Policies, before anything is assigned.
 * Each distinct bundle is looked at once. What cannot be judged is not allowed.
 */
import type { ApiSchemas } from "#core/api-schemas.ts";
import type { App } from "#core/app.ts";
import type { Bundle } from "#core/bundle.ts";
import type { ClusterCapabilities } from "#core/capabilities.ts";
import { clusterFindings, type Delivery } from "#core/cluster-findings.ts";
import { findingsOf, mergeFindings, NO_FINDINGS, withheldMessage, type Findings } from "#core/finding.ts";
import type { KubeObject } from "#core/object.ts";
import { orderedChecks } from "#core/object-check.ts";
import type { Policy } from "#core/policy.ts";
import type { Project } from "#core/project.ts";
import { projectFindings } from "#core/project-rules.ts";
import { schemaFindings } from "#core/schema-findings.ts";
import { secretFindings } from "#core/secret-findings.ts";
import type { AppError } from "#core/view.ts";
import { judgeRego } from "../policy/rego.ts";
import type { Renderer } from "../render/render.ts";
import { judgeBundles } from "../policy/run.ts";

export type Checked =
  /** What does not withhold it: of Policies that only warn, of clusters, of Secrets. */
  { kind: "allowed"; warnings: Findings } | { kind: "withheld"; error: Omit<AppError, "commit"> };

/** What the clusters told of themselves, by name. */
export interface Fleet {
  known: ReadonlyMap<string, ClusterCapabilities>;
  schemas: ReadonlyMap<string, ApiSchemas>;
}

export async function checkBundles(
  renderer: Pick<Renderer, "rego">,
  app: App,
  { project, policies }: { project: Project; policies: readonly Policy[] },
  bundles: ReadonlyMap<string, Bundle>,
  fleet: Fleet,
): Promise<Checked> {
  const distinct = [...new Set(bundles.values())];
  const merged = (of: (objects: Bundle["objects"]) => Findings): Findings =>
    distinct.map(({ objects }) => of(objects)).reduce(mergeFindings, NO_FINDINGS);
  const deliveries = deliveriesOf(bundles);
  const byClusters = clusterFindings(deliveries, fleet.known);
  const bySchemas = schemaFindings(deliveries, fleet.schemas);
  const errors = [
    merged((objects) => projectFindings(project, app.spec.namespace, objects)),
    projectFindings(project, app.spec.namespace, lookedAt(app)),
    merged((objects) => secretFindings(project, objects).errors),
    byClusters.errors,
    bySchemas.errors,
  ].reduce(mergeFindings);
  if (errors.total > 0) return withheld(errors);
  const of = (mode: Policy["spec"]["mode"]): Promise<Findings> =>
    findingsBy(
      renderer,
      app,
      project,
      policies.filter(({ spec }) => spec.mode === mode),
      distinct,
    );
  const enforced = await of("enforce");
  if (enforced.total > 0) return withheld(enforced);
  const warnings = [
    await of("warn"),
    byClusters.warnings,
    bySchemas.warnings,
    merged((objects) => secretFindings(project, objects).warnings),
  ].reduce(mergeFindings);
  return { kind: "allowed", warnings };
}

/** Equal bundles are one value. */
export function deliveriesOf(bundles: ReadonlyMap<string, Bundle>): Delivery[] {
  const groups = Map.groupBy(bundles, ([, bundle]) => bundle);
  return [...groups].map(([{ objects }, of]) => ({ objects, clusters: of.map(([name]) => name) }));
}

function withheld(findings: Findings): Checked {
  return { kind: "withheld", error: { message: withheldMessage(findings), findings } };
}

async function findingsBy(
  renderer: Pick<Renderer, "rego">,
  { metadata, spec }: App,
  project: Project,
  policies: readonly Policy[],
  bundles: readonly Bundle[],
): Promise<Findings> {
  const context = {
    app: { name: metadata.name, namespace: spec.namespace, labels: metadata.labels ?? {} },
    project: { name: project.metadata.name, labels: project.metadata.labels ?? {} },
  };
  const inCel = policies.filter((policy) => policy.spec.validations.length > 0);
  const byRego = await judgeRego(renderer, policies, context, bundles);
  const judged = await judgeBundles(inCel, context, bundles);
  if (judged.kind === "judged") return mergeFindings(byRego, judged.findings);
  const by = judged.policy === undefined ? "Policies" : `Policy ${judged.policy}`;
  return findingsOf([{ by, object: "", message: judged.message }]);
}

/** What gates look at: a Project's fence holds for reading as well, which the agent does with its own rights. */
function lookedAt({ spec }: App): KubeObject[] {
  const gates = spec.rollout.stages.flatMap((stage) => stage.gates ?? []);
  return orderedChecks(gates, spec.namespace).map(({ apiVersion, kind, name, namespace }) => ({
    apiVersion,
    kind,
    metadata: { name, namespace },
  }));
}
