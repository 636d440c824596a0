/**
 * What a chart's render is told beside the repository's files, and what it wanted to know of the cluster. The engine sees
 * only this: it reaches no cluster, and `lookup` finds nothing.
 */
import type { Capabilities } from "#core/capabilities.ts";
import { failed, type RenderFailure } from "./result.ts";

export type HelmOptions = {
  release: string;
  namespace: string;
  /** From the root of the repository, later ones over earlier ones; `values` over all. */
  valuesFiles: readonly string[];
  values: Readonly<Record<string, unknown>>;
  skipCrds: boolean;
  capabilities: Capabilities;
};

/** The same, as `engine/helm.go` reads it. */
export type HelmRequest = Omit<HelmOptions, "capabilities"> & Capabilities;

export const CHART_NAME = "Chart.yaml";

export function helmRequest({ capabilities, ...rest }: HelmOptions): HelmRequest {
  const { kubeVersion, apiVersions } = capabilities;
  return { ...rest, kubeVersion, apiVersions };
}

/** Helm names a template by its chart: `shop/templates/web.yaml:12:3`, of the folder that the chart lies in. */
const PLACE = /([\w.-]+)\/((?:charts\/|templates\/|crds\/)[^\s:()]+):(\d+)(?::\d+)?:?/;

/** A chart's failure, with the template and line that Helm names. */
export function readHelmFailure(message: string, folder: string): RenderFailure {
  const found = [...message.matchAll(new RegExp(PLACE, "g"))].at(-1);
  const reason = message
    .replace(/^(?:execution error at|parse error at) \([^)]*\): /, "")
    .replace(/^.*executing "[^"]*" at <(?:[^>]*)>: (?=error calling )/s, "")
    .trim();
  if (found === null || found === undefined) return failed(reason, { file: inFolder(folder, CHART_NAME) });
  return failed(reason, { file: inFolder(folder, found[2] ?? ""), line: Number(found[3]) });
}

function inFolder(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
