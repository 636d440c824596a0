/**
 * `${cluster.name}`, `${cluster.labels.env}`, `${cluster.values.x}` in an App's texts; `${x:=default}` when the value is
 * absent, `$${` for a literal `${`. Values are put in as text and never evaluated.
 */
import type { Cluster } from "./cluster.ts";

/** `missing` names the variables that the cluster has not and that have no default. */
export type Filled = { kind: "filled"; text: string } | { kind: "failed"; missing: string[] };

const TOKEN = /\$\$\{|\$\{([^}]*)\}/g;

export const KNOWN_VARIABLES = "known are cluster.name, cluster.labels.* and cluster.values.*";

export function fill(template: string, cluster: Cluster): Filled {
  const missing: string[] = [];
  const text = template.replace(TOKEN, (whole, inner: string | undefined) => {
    if (inner === undefined) return "${";
    const [name = "", ...fallback] = inner.split(":=");
    const value = lookup(name.trim(), cluster) ?? (fallback.length === 0 ? undefined : fallback.join(":="));
    if (value === undefined) missing.push(name.trim());
    return value ?? whole;
  });
  return missing.length === 0 ? { kind: "filled", text } : { kind: "failed", missing };
}

function lookup(name: string, cluster: Cluster): string | undefined {
  if (name === "cluster.name") return cluster.metadata.name;
  const [, group, key] = /^cluster\.(labels|values)\.(.+)$/.exec(name) ?? [];
  if (key === undefined) return undefined;
  return group === "labels" ? own(cluster.metadata.labels, key) : own(cluster.spec.values, key);
}

function own(record: Record<string, string> | undefined, key: string): string | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
