/**
 * Rendered objects held against what their clusters said that they serve. An API that is removed there withholds a
 * release; one that is deprecated, or not served (its definition may come from elsewhere), is told with it. Nothing is
 * held against a cluster that has told nothing. Each kind is judged once for all clusters that told the same.
 */
import { assertNever } from "./assert.ts";
import type { Asked } from "./asked.ts";
import type { ClusterCapabilities } from "./capabilities.ts";
import type { Finding, Findings } from "./finding.ts";
import { Gathered } from "./gathered.ts";
import { refOf, refText, type KubeObject } from "./object.ts";
import { minorNumber, retiredApi } from "./retired-apis.ts";
import { kindsDefinedIn } from "./scope.ts";

/** One bundle, and who gets it. */
export interface Delivery {
  objects: readonly KubeObject[];
  clusters: readonly string[];
}

type Verdict = "removed" | "deprecated" | "not served" | "served";

/** What the objects ask of their clusters: another answer is another finding. */
export function askedBy(deliveries: Iterable<Delivery>): Asked {
  const apis = new Set<string>();
  for (const { objects } of deliveries) for (const object of objects) apis.add(apiOf(object));
  const kubeVersion = [...apis].some((api) => retiredApi(api) !== undefined);
  return { kubeVersion, apis: [...apis], allApis: false };
}

export function clusterFindings(
  deliveries: readonly Delivery[],
  known: ReadonlyMap<string, ClusterCapabilities>,
): { errors: Findings; warnings: Findings } {
  const { apis } = askedBy(deliveries);
  const verdicts = new Map<ClusterCapabilities, Map<string, Verdict>>();
  const found = new Gathered<Found>();
  for (const { objects, clusters } of deliveries) {
    const defined = kindsDefinedIn(objects);
    const alike = Map.groupBy(clusters, (name) => known.get(name));
    for (const [capabilities, names] of alike) {
      if (capabilities === undefined) continue;
      const judged = verdicts.get(capabilities) ?? judge(apis, capabilities);
      verdicts.set(capabilities, judged);
      if (judged.size > 0)
        note(found, objects, names, (api) => (defined.has(api) ? undefined : judged.get(api)));
    }
  }
  return {
    errors: found.tell(({ verdict }) => verdict === "removed", tell),
    warnings: found.tell(({ verdict }) => verdict !== "removed", tell),
  };
}

function apiOf({ apiVersion, kind }: KubeObject): string {
  return `${apiVersion}/${kind}`;
}

/** What is served, and known to stay, is left out. */
function judge(apis: readonly string[], capabilities: ClusterCapabilities): Map<string, Verdict> {
  const { versionTold, apisTold, kubeVersion, apiVersions } = capabilities;
  const minor = versionTold ? minorNumber(kubeVersion) : undefined;
  const listed = apisTold ? new Set(apiVersions) : undefined;
  const verdicts = new Map<string, Verdict>();
  for (const api of apis) {
    const verdict = verdictOf(api, minor, listed?.has(api));
    if (verdict !== "served") verdicts.set(api, verdict);
  }
  return verdicts;
}

/** `listed` undefined: the cluster told no list. A list outweighs what the version says. */
function verdictOf(api: string, minor: number | undefined, listed: boolean | undefined): Verdict {
  const retired = retiredApi(api);
  if (retired !== undefined && minor !== undefined) {
    const { removed, deprecated } = retired;
    if (removed !== undefined && minor >= removed && listed !== true) return "removed";
    if (minor >= deprecated && listed !== false) return "deprecated";
  }
  return listed === false ? "not served" : "served";
}

interface Found {
  verdict: Exclude<Verdict, "served">;
  object: KubeObject;
}

function note(
  found: Gathered<Found>,
  objects: readonly KubeObject[],
  clusters: readonly string[],
  verdictFor: (api: string) => Verdict | undefined,
): void {
  for (const object of objects) {
    const verdict = verdictFor(apiOf(object));
    if (verdict === undefined || verdict === "served") continue;
    found.note(`${verdict} ${apiOf(object)} ${refText(refOf(object))}`, { verdict, object }, clusters);
  }
}

function tell({ verdict, object }: Found, where: string): Finding {
  return { by: "Kubernetes", object: refText(refOf(object)), message: messageOf(verdict, object, where) };
}

/** What to write instead stands before the names, which may be cut. */
function messageOf(verdict: Found["verdict"], object: KubeObject, where: string): string {
  const kind = `${object.apiVersion} ${object.kind}`;
  const { removed, deprecated, instead } = retiredApi(apiOf(object)) ?? {};
  switch (verdict) {
    case "removed":
      return `${kind} is removed since Kubernetes 1.${removed} (use ${instead}), and so from ${where}`;
    case "deprecated": {
      const until = removed === undefined ? "" : `, removed in 1.${removed}`;
      return `${kind} is deprecated since Kubernetes 1.${deprecated}${until} (use ${instead}), on ${where}`;
    }
    case "not served":
      return `${kind} fails where its definition is not installed: it is not served by ${where}`;
    default:
      return assertNever(verdict);
  }
}
