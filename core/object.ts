/**
 * A Kubernetes object as plain JSON, and its identity. Objects stay raw all the way: no field is dropped
 * because a model does not know it.
 */
import * as z from "zod";

/** What every object has; all else is kept as it came. */
export const kubeObjectSchema = z.looseObject({
  apiVersion: z.string().min(1).max(253),
  kind: z.string().min(1).max(253),
  metadata: z.looseObject({
    name: z.string().min(1).max(253),
    namespace: z.string().max(253).optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: KubeMetadata;
  [field: string]: unknown;
}

export interface KubeMetadata {
  name: string;
  namespace?: string | undefined;
  labels?: Record<string, string> | undefined;
  annotations?: Record<string, string> | undefined;
  [field: string]: unknown;
}

/** Identity without version: the same object served under two API versions is one object. */
export interface ObjectRef {
  group: string;
  kind: string;
  namespace: string;
  name: string;
}

/** "" is the core group: `v1` has none, `apps/v1` has `apps`. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

/** `namespace` is "" for cluster-scoped objects. */
export function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return { group: groupOf(object.apiVersion), kind: object.kind, namespace: namespace ?? "", name };
}

/** One string per identity, usable as a map key and sortable: `apps/Deployment/shop/web`, `/Namespace//shop`. */
export function refKey(ref: ObjectRef): string {
  return `${ref.group}/${ref.kind}/${ref.namespace}/${ref.name}`;
}

/** Inverse of `refKey`; names and namespaces never hold a slash. */
export function parseRefKey(key: string): ObjectRef {
  const [group = "", kind = "", namespace = "", name = ""] = key.split("/");
  return { group, kind, namespace, name };
}

/** For people: `Deployment shop/web`, `Namespace shop`. */
export function refText(ref: ObjectRef): string {
  return `${ref.kind} ${ref.namespace === "" ? "" : `${ref.namespace}/`}${ref.name}`;
}
