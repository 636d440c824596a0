/**
 * Decides whether a value that came out of a render is a Kubernetes object. What it accepts it leaves as it is, but for
 * empty `namespace`, `labels` and `annotations`, which mean the same as none.
 */
import { digestOf } from "#core/digest.ts";
import { isHook } from "#core/hooks.ts";
import { kubeObjectSchema } from "#core/object.ts";
import type { KubeObject } from "#core/object.ts";

/** `object` names the refused value as far as it names itself: `Deployment web`. */
export type Manifest =
  | { kind: "object"; object: KubeObject }
  | { kind: "refused"; reason: string; object?: string };

const OPTIONAL_FIELDS = ["namespace", "labels", "annotations"];

export function readManifest(value: unknown): Manifest {
  if (!isRecord(value)) return { kind: "refused", reason: "not a Kubernetes object: expected a mapping" };
  const candidate = withName(withoutEmptyFields(value));
  const parsed = kubeObjectSchema.safeParse(candidate);
  if (parsed.success) return { kind: "object", object: candidate as KubeObject };
  const name = nameOf(candidate);
  const path = parsed.error.issues[0]?.path.map(String) ?? [];
  return { kind: "refused", reason: reasonAt(candidate, path), ...(name !== undefined && { object: name }) };
}

function reasonAt(candidate: Record<string, unknown>, path: readonly string[]): string {
  const field = path.join(".");
  const value = path.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), candidate);
  if (value === undefined && field === "metadata.name" && "generateName" in Object(candidate["metadata"])) {
    return "metadata.generateName is not supported: give the object a name, so that it can be found again";
  }
  if (value === undefined || value === null || value === "")
    return `not a Kubernetes object: ${field} is missing`;
  if (typeof value === "string") return `${field} is longer than 253 characters`;
  if (typeof value === "object")
    return `${field} has the wrong type: ${Array.isArray(value) ? "a list" : "a mapping"}`;
  return `${field} is ${JSON.stringify(value)}, not a string: put it in quotes`;
}

function withoutEmptyFields(value: Record<string, unknown>): Record<string, unknown> {
  const metadata = value["metadata"];
  if (!isRecord(metadata) || OPTIONAL_FIELDS.every((field) => metadata[field] !== null)) return value;
  const kept = Object.entries(metadata).filter(
    ([key, content]) => content !== null || !OPTIONAL_FIELDS.includes(key),
  );
  return { ...value, metadata: Object.fromEntries(kept) };
}

/** A hook may be named anew for each run; that the agent does, from the name that stands for its content here. */
function withName(candidate: Record<string, unknown>): Record<string, unknown> {
  const { metadata } = candidate;
  if (!isRecord(metadata) || metadata["name"] !== undefined) return candidate;
  const { generateName } = metadata;
  if (typeof generateName !== "string") return candidate;
  const named = {
    ...candidate,
    metadata: { ...metadata, name: `${generateName}${digestOf(candidate).slice(0, 8)}` },
  };
  const parsed = kubeObjectSchema.safeParse(named);
  return parsed.success && isHook(parsed.data) ? named : candidate;
}

function nameOf(candidate: Record<string, unknown>): string | undefined {
  const { kind, metadata } = candidate;
  if (typeof kind !== "string" || !isRecord(metadata) || typeof metadata["name"] !== "string")
    return undefined;
  const namespace = metadata["namespace"];
  return `${kind} ${typeof namespace === "string" ? `${namespace}/` : ""}${metadata["name"]}`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
