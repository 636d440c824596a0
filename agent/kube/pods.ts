/** Pods and their last words over the wire. Both are bounded by the request, so that no answer is large. */
import * as z from "zod";
import { kubeObjectSchema, type KubeObject } from "#core/object.ts";
import type { Selector } from "#core/selector.ts";
import { KubeError, type LogOf } from "./port.ts";
import type { Wire } from "./wire.ts";

const listSchema = z.object({
  items: z.array(kubeObjectSchema.partial({ apiVersion: true, kind: true })).nullish(),
});

export async function listPods(
  wire: Wire,
  namespace: string,
  selector: Selector,
  podsMax: number,
): Promise<KubeObject[]> {
  const query = new URLSearchParams({ labelSelector: selectorText(selector), limit: String(podsMax) });
  const answer = await wire.send({ method: "GET", path: `${pathOf(namespace)}?${query.toString()}` });
  const parsed = listSchema.safeParse(answer);
  if (!parsed.success) throw new KubeError(502, "NoPods", `a list of pods is not understood`);
  const { items } = answer as { items?: KubeObject[] | null };
  return (items ?? []).map((item) => ({ ...item, apiVersion: "v1", kind: "Pod" }));
}

export async function readLog(
  wire: Wire,
  { namespace, name, container, previous }: LogOf,
  { lines, bytesMax }: { lines: number; bytesMax: number },
): Promise<string> {
  const query = new URLSearchParams({
    container,
    previous: String(previous),
    tailLines: String(lines),
    limitBytes: String(bytesMax),
  });
  const path = `${pathOf(namespace)}/${encodeURIComponent(name)}/log?${query.toString()}`;
  return await wire.text({ method: "GET", path, accept: "*/*" });
}

function pathOf(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
}

/** As `kubectl --selector` takes it. */
function selectorText({ matchLabels = {}, matchExpressions = [] }: Selector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const terms = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`;
  });
  return [...labels, ...terms].join(",");
}
