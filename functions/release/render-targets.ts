/**
 * Renders an App for its clusters. Clusters with the same inputs are one group; a chart's group splits by what its render
 * asked of the cluster, so that a thousand lists of APIs with three answers cost three renders. Equal output is one
 * bundle. Any failure fails the whole release with its place: half a release is never made.
 */
import type { App } from "#core/app.ts";
import { allAsked, answersTo, NOTHING_ASKED, type Asked } from "#core/asked.ts";
import { duplicateIn, makeBundle, type Bundle } from "#core/bundle.ts";
import { capabilitiesOf, type Capabilities } from "#core/capabilities.ts";
import type { Cluster } from "#core/cluster.ts";
import { isCarried } from "#core/hooks.ts";
import { parseRefKey, refOf, refText, type KubeObject } from "#core/object.ts";
import { inputsKey, renderInputs, type RenderInputs } from "#core/render-inputs.ts";
import { substitute, variableTexts, type Substituted } from "#core/substitute.ts";
import { fill, KNOWN_VARIABLES } from "#core/template.ts";
import { clusterNames } from "#core/text.ts";
import type { AppError } from "#core/view.ts";
import { filesFor, type PulledChart } from "../charts/render.ts";
import type { HelmOptions } from "../render/helm.ts";
import { mergeReads, noReads, type Reads } from "../render/reads.ts";
import type { Renderer } from "../render/render.ts";
import type { Files } from "./content.ts";

type Failed = { kind: "failed"; error: Omit<AppError, "commit"> };
/** `asked` is what all renders together wanted to know of their clusters, up to the failure where there is one. */
/** So are `reads`, of the repository; a chart that was pulled is not part of that. */
export type Rendered = { asked: Asked; reads: Reads } & (
  | { kind: "rendered"; bundles: Map<string, Bundle>; renders: number }
  | Failed
);

interface Group {
  inputs: RenderInputs;
  clusters: Cluster[];
}

/** `bundles` by cluster name; `renders` is how often the engine was asked. */
export async function renderTargets(
  renderer: Pick<Renderer, "render">,
  app: App,
  files: Files,
  clusters: readonly Cluster[],
  capabilities: ReadonlyMap<string, Capabilities> = new Map(),
  chart?: PulledChart,
): Promise<Rendered> {
  const grouped = groupByInputs(app, clusters);
  if (grouped.kind === "failed") return { ...grouped, asked: NOTHING_ASKED, reads: noReads() };
  const made: Made = { bundles: new Map(), byDigest: new Map(), renders: 0, asked: [], reads: noReads() };
  for (const group of grouped.groups) {
    const failure = await renderGroup(renderer, { app, files, capabilities, chart }, group, made);
    if (failure !== undefined) return { ...failure, asked: allAsked(made.asked), reads: made.reads };
  }
  const { bundles, renders, reads } = made;
  return { kind: "rendered", bundles, renders, reads, asked: allAsked(made.asked) };
}

function groupByInputs(
  app: App,
  clusters: readonly Cluster[],
): { kind: "grouped"; groups: Group[] } | Failed {
  const groups = new Map<string, Group>();
  const failures = new Map<string, string[]>();
  for (const cluster of clusters) {
    const made = renderInputs(app, cluster);
    if (made.kind === "failed") {
      failures.set(made.message, [...(failures.get(made.message) ?? []), cluster.metadata.name]);
      continue;
    }
    const key = inputsKey(made.inputs);
    const group = groups.get(key) ?? { inputs: made.inputs, clusters: [] };
    group.clusters.push(cluster);
    groups.set(key, group);
  }
  const [failure] = failures;
  if (failure !== undefined) return failed(`${failure[0]}, for ${clusterNames(failure[1])}`);
  return { kind: "grouped", groups: [...groups.values()] };
}

function failed(message: string, place: Omit<AppError, "commit" | "message"> = {}): Failed {
  return { kind: "failed", error: { message, ...place } };
}

interface Fleet {
  app: App;
  files: Files;
  capabilities: ReadonlyMap<string, Capabilities>;
  /** Instead of what lies in the App's path. */
  chart: PulledChart | undefined;
}

interface Made {
  bundles: Map<string, Bundle>;
  /** The same text is held once, however many clusters get it. */
  byDigest: Map<string, Bundle>;
  renders: number;
  asked: Asked[];
  reads: Reads;
}

const STANDARD = capabilitiesOf(undefined, undefined);

/** Renders for one cluster, hands the outcome to all that answer its questions alike, and goes on with those left. */
async function renderGroup(
  renderer: Pick<Renderer, "render">,
  { app, files, capabilities, chart }: Fleet,
  { inputs, clusters }: Group,
  made: Made,
): Promise<Failed | undefined> {
  const path = chart?.folder ?? inputs.path;
  let left = clusters;
  while (left[0] !== undefined) {
    const of = ({ metadata }: Cluster): Capabilities => capabilities.get(metadata.name) ?? STANDARD;
    const first = of(left[0]);
    const helm = helmOptions(inputs, first);
    const result = await renderer.render(
      chart === undefined
        ? { files, path, helm, jsonnet: inputs.jsonnet }
        : { files: filesFor(chart, files, helm.valuesFiles), path, helm, isChart: true },
    );
    made.renders += 1;
    if (result.asked !== undefined) made.asked.push(result.asked);
    made.reads = mergeReads(made.reads, outside(chart, result.reads ?? noReads()));
    if (result.kind === "failed") return result;
    const answer = answering(result.asked);
    const alike = (cluster: Cluster): boolean => answer(of(cluster)) === answer(first);
    const objects = result.objects.filter(isCarried);
    const failure = handOut(app, path, objects, left.filter(alike), made);
    if (failure !== undefined) return failure;
    left = left.filter((cluster) => !alike(cluster));
  }
  return undefined;
}

/** A pulled chart is known by its digest; what lies in its folder is of no commit. */
function outside(chart: PulledChart | undefined, { found, listed }: Reads): Reads {
  if (chart === undefined) return { found, listed };
  const inside = (path: string): boolean => path === chart.folder || path.startsWith(`${chart.folder}/`);
  const kept = (of: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(of).filter(([path]) => !inside(path)));
  return { found: kept(found), listed: kept(listed) };
}

/** Remembers each answer: most clusters have told the same, and that is one value. */
function answering(asked: Asked | undefined): (capabilities: Capabilities) => string {
  const known = new Map<Capabilities, string>();
  return (capabilities) => {
    const answer = known.get(capabilities) ?? (asked === undefined ? "" : answersTo(asked, capabilities));
    known.set(capabilities, answer);
    return answer;
  };
}

/** One bundle for all, or where the App's objects hold variables, one for each way in which these come out. */
function handOut(
  app: App,
  path: string,
  objects: readonly KubeObject[],
  clusters: readonly Cluster[],
  made: Made,
): Failed | undefined {
  const texts = app.spec.variables ? variableTexts(objects) : [];
  const ways = Map.groupBy(clusters, (cluster) => JSON.stringify(texts.map((text) => fill(text, cluster))));
  for (const alike of ways.values()) {
    const [first] = alike;
    if (first === undefined) continue;
    const filled =
      texts.length === 0 ? { kind: "substituted" as const, objects } : substitute(objects, first);
    if (filled.kind === "failed") return unfilled(filled, path, alike);
    const bundle = bundleOf(path, filled.objects, made.byDigest);
    if (bundle.kind === "failed") return bundle;
    for (const { metadata } of alike) made.bundles.set(metadata.name, bundle.bundle);
  }
  return undefined;
}

function unfilled(
  { object, message, missing }: Extract<Substituted, { kind: "failed" }>,
  path: string,
  clusters: readonly Cluster[],
): Failed {
  const name = refText(refOf(object));
  const reason = message === "" ? `no ${missing.join(", ")} (${KNOWN_VARIABLES})` : message;
  const where = clusterNames(clusters.map(({ metadata }) => metadata.name));
  return failed(`${name}: ${reason}, for ${where}`, { file: path, object: name });
}

function helmOptions(inputs: RenderInputs, capabilities: Capabilities): HelmOptions {
  const { release, namespace, values, skipCrds, path } = inputs;
  const valuesFiles = inputs.valuesFiles.map((file) =>
    file.startsWith("/") ? file.slice(1) : `${path}/${file}`,
  );
  return { release, namespace, values, skipCrds, valuesFiles, capabilities };
}

function bundleOf(
  path: string,
  objects: readonly KubeObject[],
  byDigest: Map<string, Bundle>,
): { kind: "made"; bundle: Bundle } | Failed {
  const twice = duplicateIn(objects);
  if (twice === undefined) {
    const bundle = makeBundle(objects);
    const held = byDigest.get(bundle.digest) ?? bundle;
    byDigest.set(bundle.digest, held);
    return { kind: "made", bundle: held };
  }
  const object = refText(parseRefKey(twice));
  return failed(`${object} stands twice in ${path}: remove or rename one`, { file: path, object });
}
