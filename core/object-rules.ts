/**
 * What an object's own annotations, and what stands beside it, say about how it is synced: made only once, left alone,
 * made again where it cannot be changed, scaled by somebody else.
 */
import type { SyncOptions } from "./app.ts";
import type { IgnoreRules } from "./diff.ts";
import { managersOf } from "./managed.ts";
import { groupOf, refKey, refOf, type KubeObject } from "./object.ts";
import { isProtected } from "./plan.ts";
import { isFields } from "./pointer.ts";

const IF_NOT_EXISTS = "fairlead.dev/if-not-exists";
const IGNORE = "fairlead.dev/ignore";
const FORCE = "fairlead.dev/force";

/** Deleting one of these takes more along than the object. */
const NEVER_BY_OPTION = new Set([
  "/Namespace",
  "/PersistentVolume",
  "/PersistentVolumeClaim",
  "apiextensions.k8s.io/CustomResourceDefinition",
]);

/** The API server's ways to say that a field stays as it was made. */
const IMMUTABLE =
  /immutable|may not change once set|cannot change roleRef|updates to statefulset spec for fields other than/i;

/** True when the bundle or a person in the cluster says that Fairlead keeps its hands off. */
export function isLeftAlone(object: KubeObject): boolean {
  return object.metadata.annotations?.[IGNORE] === "true";
}

/** True for what is made where it is missing, and never touched where it is there. */
export function isMadeOnce(object: KubeObject): boolean {
  return object.metadata.annotations?.[IF_NOT_EXISTS] === "true";
}

/** True for a refusal that only a new object would get around. */
export function isImmutable(error: { status: number; message: string }): boolean {
  return error.status === 422 && IMMUTABLE.test(error.message);
}

/** True for an answer of a webhook, or of the server in its place, that only real requests are judged. */
export function refusesDryRun({ message }: { message: string }): boolean {
  return /dry[ -]?runs? (is|are)? ?(not supported|not allowed|unsupported)|not support dry[ -]?runs?/i.test(
    message,
  );
}

/** Whether an object that cannot be changed may be deleted and made again. */
export function mayRecreate(object: KubeObject, sync: Pick<SyncOptions, "force">): boolean {
  const ref = refOf(object);
  if (isProtected(ref)) return false;
  if (object.metadata.annotations?.[FORCE] === "true") return true;
  return sync.force && !NEVER_BY_OPTION.has(`${ref.group}/${ref.kind}`);
}

/** Keys of what the autoscalers among these objects scale. */
export function scaledIn(objects: readonly KubeObject[]): Set<string> {
  const scalers = objects.filter(
    ({ apiVersion, kind }) => groupOf(apiVersion) === "autoscaling" && kind === "HorizontalPodAutoscaler",
  );
  return new Set(
    scalers.flatMap(({ metadata, spec }) => {
      const target = isFields(spec) ? spec["scaleTargetRef"] : undefined;
      if (!isFields(target)) return [];
      const { apiVersion = "", kind = "", name = "" } = target;
      const ref = { group: groupOf(String(apiVersion)), kind: String(kind), name: String(name) };
      return [refKey({ ...ref, namespace: metadata.namespace ?? "" })];
    }),
  );
}

/** An autoscaler has set `spec.replicas`: it goes through the subresource, under the controllers' name. */
function isScaled(live: KubeObject): boolean {
  return managersOf(live).some((entry) => {
    const spec = entry.fields["f:spec"];
    const replicas = isFields(spec) && "f:replicas" in spec;
    return entry.manager === "kube-controller-manager" && entry.subresource === "scale" && replicas;
  });
}

/** The App's rules, and that replicas are not ours where an autoscaler has them. */
export function ignoreFor(
  object: KubeObject,
  live: KubeObject,
  rules: IgnoreRules,
  scaled: ReadonlySet<string>,
): IgnoreRules {
  const isTheirs = scaled.has(refKey(refOf(object))) || isScaled(live);
  return isTheirs ? [...rules, { paths: ["/spec/replicas"] }] : rules;
}
