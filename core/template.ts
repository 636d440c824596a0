/**
 * `${cluster.name}`, `${cluster.labels.env}`, `${cluster.values.x}` in an App's path; `${x:=default}` when the
 * value is absent, `$${` for a literal `${`. Values are put in as text and never evaluated.
 */
import type { Cluster } from "./cluster.ts";

export type Filled = { kind: "filled"; text: string } | { kind: "failed"; message: string };

const TOKEN = /\$\$\{|\$\{([^}]*)\}/g;

/** An unknown variable without default is an error that names it and the cluster. */
export function fill(template: string, cluster: Cluster): Filled {
  const missing: string[] = [];
  const text = template.replace(TOKEN, (whole, inner: string | undefined) => {
    if (inner === undefined) return "${";
    const [name = "", fallback] = inner.split(":=", 2);
    const value = lookup(name.trim(), cluster) ?? fallback;
    if (value === undefined) missing.push(name.trim());
    return value ?? whole;
  });
  if (missing.length === 0) return { kind: "filled", text };
  const known = "known are cluster.name, cluster.labels.* and cluster.values.*";
  return {
    kind: "failed",
    message: `cluster ${cluster.metadata.name} has no ${missing.join(", ")} (${known})`,
  };
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
