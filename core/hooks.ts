/**
 * Helm's hooks among rendered objects. Those of tests, deletions and rollbacks have no place in what a cluster should
 * hold; the others are applied.
 */
import type { KubeObject } from "./object.ts";

const HOOK_ANNOTATION = "helm.sh/hook";
const APPLIED = new Set(["pre-install", "post-install", "pre-upgrade", "post-upgrade", "crd-install"]);

/** False for an object that is only a hook of another moment than installing and upgrading. */
export function isApplied({ metadata }: KubeObject): boolean {
  const hooks = metadata.annotations?.[HOOK_ANNOTATION];
  return hooks === undefined || hooks.split(",").some((hook) => APPLIED.has(hook.trim().toLowerCase()));
}
