/**
 * Variables in rendered objects, for Apps that ask for them (`spec.variables`). Texts are filled, names of fields are not.
 * A text that is nothing but `${int:cluster.values.replicas}` or `${bool:…}` becomes a number or a boolean, because a
 * rendered object has lost how its YAML was written.
 */
import type { Cluster } from "./cluster.ts";
import type { KubeObject } from "./object.ts";
import { isFields } from "./pointer.ts";
import { fill } from "./template.ts";

export type Substituted =
  | { kind: "substituted"; objects: KubeObject[] }
  | { kind: "failed"; object: KubeObject; message: string; missing: string[] };

const TYPED = /^\$\{(int|bool):([^}]*)\}$/;

export function substitute(objects: readonly KubeObject[], cluster: Cluster): Substituted {
  const filled: KubeObject[] = [];
  for (const object of objects) {
    const problems: Problems = { missing: [], wrong: [] };
    const value = fillValue(object, cluster, problems) as KubeObject;
    const message = problems.wrong[0] ?? "";
    if (problems.missing.length > 0 || message !== "")
      return { kind: "failed", object, message, missing: [...new Set(problems.missing)] };
    filled.push(value);
  }
  return { kind: "substituted", objects: filled };
}

/** The texts that hold a variable: clusters for which all of them come out alike share the outcome. */
export function variableTexts(objects: readonly KubeObject[]): string[] {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value === "string") {
      if (value.includes("${")) found.add(value);
    } else if (Array.isArray(value)) value.forEach(visit);
    else if (isFields(value)) Object.values(value).forEach(visit);
  };
  objects.forEach(visit);
  return [...found].sort();
}

interface Problems {
  missing: string[];
  wrong: string[];
}

function fillValue(value: unknown, cluster: Cluster, problems: Problems): unknown {
  if (typeof value === "string") return fillText(value, cluster, problems);
  if (Array.isArray(value)) return value.map((item) => fillValue(item, cluster, problems));
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fillValue(item, cluster, problems)]),
  );
}

function fillText(text: string, cluster: Cluster, problems: Problems): unknown {
  const [, type, name] = TYPED.exec(text) ?? [];
  const filled = fill(type === undefined ? text : `\${${name ?? ""}}`, cluster);
  if (filled.kind === "failed") {
    problems.missing.push(...filled.missing);
    return text;
  }
  if (type === undefined) return filled.text;
  const typed = type === "int" ? integer(filled.text) : boolean(filled.text);
  if (typed === undefined) problems.wrong.push(`${text} is "${filled.text}", which is no ${type}`);
  return typed;
}

function integer(text: string): number | undefined {
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function boolean(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}
