/**
 * What one cluster's render of an App is made of: the folder, and for a chart its values, with the App's overrides for
 * that cluster and its variables put in. Clusters with equal inputs share a render.
 */
import { JSONNET_LIBRARIES, type App } from "./app.ts";
import type { Cluster } from "./cluster.ts";
import { canonicalJson } from "./digest.ts";
import { isFields } from "./pointer.ts";
import { matches } from "./selector.ts";
import { fill, KNOWN_VARIABLES } from "./template.ts";

export interface RenderInputs {
  path: string;
  release: string;
  namespace: string;
  /** As written: relative to `path`, or with a slash in front from the root of the repository. */
  valuesFiles: string[];
  values: Record<string, unknown>;
  skipCrds: boolean;
  jsonnet: { tlas: Record<string, unknown>; extVars: Record<string, unknown>; libs: string[] };
}

/** `message` is the same for every cluster that fails alike; which ones they are is the caller's to say. */
export type Made = { kind: "made"; inputs: RenderInputs } | { kind: "failed"; message: string };

/** Values deeper than this are no configuration. */
const VALUES_DEPTH_MAX = 50;

/** Fails with the field and the variable that is missing. */
export function renderInputs(app: App, cluster: Cluster): Made {
  const { spec, metadata } = app;
  const filling = new Filling(cluster);
  const overrides = overridesFor(app, cluster);
  const path = filling.text(
    "spec.path",
    overrides.findLast((one) => one.path !== undefined)?.path ?? spec.path,
  );
  const charts = [spec.helm, ...overrides.map((one) => one.helm)].filter((helm) => helm !== undefined);
  const programs = [spec.jsonnet, ...overrides.map((one) => one.jsonnet)].filter(
    (jsonnet) => jsonnet !== undefined,
  );
  const inputs: RenderInputs = {
    path,
    release: spec.helm?.release ?? metadata.name,
    namespace: spec.namespace,
    valuesFiles: charts
      .flatMap(({ valuesFiles }) => valuesFiles)
      .map((file) => filling.text("spec.helm.valuesFiles", file)),
    values: merged(
      filling,
      "spec.helm.values",
      charts.map(({ values }) => values),
    ),
    skipCrds: spec.helm?.skipCrds ?? false,
    jsonnet: {
      tlas: merged(
        filling,
        "spec.jsonnet.tlas",
        programs.map(({ tlas }) => tlas),
      ),
      extVars: merged(
        filling,
        "spec.jsonnet.extVars",
        programs.map(({ extVars }) => extVars),
      ),
      libs: spec.jsonnet?.libs ?? [...JSONNET_LIBRARIES],
    },
  };
  return filling.failure === undefined
    ? { kind: "made", inputs }
    : { kind: "failed", message: filling.failure };
}

type Values = Readonly<Record<string, unknown>>;

/** Later ones outweigh. */
function merged(filling: Filling, place: string, all: readonly Values[]): Record<string, unknown> {
  return all.reduce<Record<string, unknown>>(
    (under, values) => mergeValues(under, filling.values(place, values)),
    {},
  );
}

/** The first that matches, or all of them in order: as the App says. */
function overridesFor(app: App, cluster: Cluster) {
  const labels = cluster.metadata.labels ?? {};
  const found = app.spec.overrides.filter(({ clusters }) => matches(clusters, labels));
  return app.spec.overrideMode === "all" ? found : found.slice(0, 1);
}

/** Fields of `over` outweigh; objects are merged, lists and everything else replaced, as Helm does with values files. */
export function mergeValues(
  under: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  // A map, so that a key such as `__proto__` is a key like any other.
  const merged = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    const before = merged.get(key);
    merged.set(key, isFields(before) && isFields(value) ? mergeValues(before, value) : value);
  }
  return Object.fromEntries(merged);
}

/** Puts variables into texts, and remembers the first that failed. */
class Filling {
  readonly #cluster: Cluster;
  failure: string | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  text(place: string, template: string): string {
    const filled = fill(template, this.#cluster);
    if (filled.kind === "filled") return filled.text;
    this.failure ??= `${place}: no ${filled.missing.join(", ")} (${KNOWN_VARIABLES})`;
    return template;
  }

  values(place: string, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return this.#value(place, values, 0) as Record<string, unknown>;
  }

  #value(place: string, value: unknown, depth: number): unknown {
    if (depth > VALUES_DEPTH_MAX) {
      this.failure ??= `${place}: lies more than ${VALUES_DEPTH_MAX} deep`;
      return null;
    }
    if (typeof value === "string") return this.text(place, value);
    if (Array.isArray(value))
      return value.map((item, index) => this.#value(`${place}[${index}]`, item, depth + 1));
    if (!isFields(value)) return value;
    const entries = Object.entries(value);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, this.#value(`${place}.${key}`, item, depth + 1)]),
    );
  }
}

/** Equal text for equal inputs. */
export function inputsKey(inputs: RenderInputs): string {
  return canonicalJson(inputs);
}
