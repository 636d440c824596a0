/** What is allowed and most likely not meant: an App that reaches no cluster, or has no Source. */
import type { App } from "./app.ts";
import { matches, type Labels } from "./selector.ts";

export interface Surroundings {
  /** Labels of every cluster of the project, as the apply leaves them. */
  clusters: readonly Labels[];
  /** Names of its Sources. */
  sources: ReadonlySet<string>;
  /** Names of its Apps, as far as they were read: all, where one depends on another. */
  apps: ReadonlySet<string>;
}

export function warningsFor(app: App, { clusters, sources, apps }: Surroundings): string[] {
  const { name, project } = app.metadata;
  const { source, clusters: selector } = app.spec;
  const warnings: string[] = [];
  if (!sources.has(source))
    warnings.push(
      `App ${name}: spec.source: project ${project} has no Source ${source} yet, so nothing is released`,
    );
  for (const dependency of app.spec.dependsOn ?? [])
    if (!apps.has(dependency))
      warnings.push(
        `App ${name}: spec.dependsOn: project ${project} has no App ${dependency} yet, so nothing waits for it`,
      );
  if (clusters.length === 0)
    warnings.push(`App ${name}: spec.clusters: project ${project} has no clusters yet`);
  else if (!clusters.some((labels) => matches(selector, labels)))
    warnings.push(`App ${name}: spec.clusters matches none of ${clusters.length} clusters`);
  return warnings;
}
