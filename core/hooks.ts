/**
 * Hooks: objects that run at a moment of a delivery instead of being held. Argo CD's annotations and Helm's are one
 * machine here: a phase, the moments it counts in, a wave, and when the object is deleted. Tests never run.
 */
import { durationMs, parseDuration } from "./duration.ts";
import type { KubeObject } from "./object.ts";
import { hookBatches, SYNC_WAVE_ANNOTATION } from "./order.ts";

export const MOMENTS = ["install", "upgrade", "rollback", "delete"] as const;
/** `install`: nothing of the App is here yet. `rollback`: to a lower release than the one that was applied. */
export type Moment = (typeof MOMENTS)[number];

/** `during` stands in its wave among the objects; `failed` runs when the delivery failed. */
export type HookPhase = "before" | "during" | "after" | "failed" | "before-delete" | "after-delete";

type DeletePolicy = "before" | "succeeded" | "failed";

export interface Hook {
  object: KubeObject;
  phase: HookPhase;
  wave: number;
  policies: ReadonlySet<DeletePolicy>;
  limitMs: number;
}

export const HOOK_LIMIT_DEFAULT = "5m";
const HOOK_LIMIT_MS_MAX = 24 * 3_600_000;
/** On a hook: how long it may take. */
const LIMIT_ANNOTATION = "fairlead.dev/hook-timeout";
/** `true` on a hook of Argo CD: it runs on a rollback as well. Helm has hooks of their own for that. */
const ROLLBACK_ANNOTATION = "fairlead.dev/hook-on-rollback";

const ARGO = "argocd.argoproj.io/hook";
const HELM = "helm.sh/hook";
/** Helm 2's way to bring definitions; they are objects like others. */
const PLAIN = new Set(["crd-install"]);

const ARGO_PHASES: ReadonlyMap<string, HookPhase> = new Map([
  ["presync", "before"],
  ["sync", "during"],
  ["postsync", "after"],
  ["syncfail", "failed"],
  ["predelete", "before-delete"],
  ["postdelete", "after-delete"],
]);
const HELM_PHASES: ReadonlyMap<string, { phase: HookPhase; moment: Moment }> = new Map([
  ["pre-install", { phase: "before", moment: "install" }],
  ["post-install", { phase: "after", moment: "install" }],
  ["pre-upgrade", { phase: "before", moment: "upgrade" }],
  ["post-upgrade", { phase: "after", moment: "upgrade" }],
  ["pre-rollback", { phase: "before", moment: "rollback" }],
  ["post-rollback", { phase: "after", moment: "rollback" }],
  ["pre-delete", { phase: "before-delete", moment: "delete" }],
  ["post-delete", { phase: "after-delete", moment: "delete" }],
]);
const POLICIES: ReadonlyMap<string, DeletePolicy> = new Map([
  ["beforehookcreation", "before"],
  ["hooksucceeded", "succeeded"],
  ["hookfailed", "failed"],
]);

/** True for what no cluster is held to: it runs, or is passed over, but is never compared. */
export function isHook(object: KubeObject): boolean {
  const events = eventsOf(object);
  return events !== undefined && !events.names.some((name) => PLAIN.has(name));
}

/** False for what never runs on a cluster: tests, what is to be skipped, and hooks of no known kind. */
export function isCarried(object: KubeObject): boolean {
  const events = eventsOf(object);
  if (events === undefined || !isHook(object)) return true;
  return events.names.some((name) => (events.argo ? ARGO_PHASES : HELM_PHASES).has(name));
}

/** The hooks of a moment, each in every phase that it names. */
export function hooksAt(objects: readonly KubeObject[], moment: Moment): Hook[] {
  return objects.filter(isHook).flatMap((object) => {
    const common = { object, wave: waveOf(object), policies: policiesOf(object), limitMs: limitOf(object) };
    return [...phasesAt(object, moment)].map((phase) => ({ ...common, phase }));
  });
}

/** One phase in order: by wave, then by kind; the hooks of one batch do not need each other. */
export function batchesOf(hooks: readonly Hook[], phase: HookPhase): Hook[][] {
  const some = hooks.filter((hook) => hook.phase === phase);
  return hookBatches(some.sort((a, b) => (a.object.metadata.name < b.object.metadata.name ? -1 : 1)));
}

function phasesAt(object: KubeObject, moment: Moment): Set<HookPhase> {
  const events = eventsOf(object) ?? { argo: false, names: [] };
  if (!events.argo) {
    const found = events.names.flatMap((name) => HELM_PHASES.get(name) ?? []);
    return new Set(found.filter((one) => one.moment === moment).map((one) => one.phase));
  }
  const asked = object.metadata.annotations?.[ROLLBACK_ANNOTATION] === "true";
  const phases = events.names.flatMap((name) => ARGO_PHASES.get(name) ?? []);
  return new Set(
    phases.filter((phase) => {
      const deletes = phase === "before-delete" || phase === "after-delete";
      return deletes ? moment === "delete" : moment !== "delete" && (moment !== "rollback" || asked);
    }),
  );
}

/** What an object names; where both tools are named, Argo CD's word counts, as it does there. */
function eventsOf({ metadata }: KubeObject): { argo: boolean; names: string[] } | undefined {
  const { [ARGO]: argo, [HELM]: helm } = metadata.annotations ?? {};
  const text = argo ?? helm;
  if (text === undefined) return undefined;
  return { argo: argo !== undefined, names: text.split(",").map((name) => name.trim().toLowerCase()) };
}

function waveOf({ metadata }: KubeObject): number {
  const { [SYNC_WAVE_ANNOTATION]: wave, "helm.sh/hook-weight": weight } = metadata.annotations ?? {};
  const text = (wave ?? weight ?? "").trim();
  return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : 0;
}

function policiesOf({ metadata }: KubeObject): Set<DeletePolicy> {
  const { [`${ARGO}-delete-policy`]: argo, [`${HELM}-delete-policy`]: helm } = metadata.annotations ?? {};
  const names = `${argo ?? ""},${helm ?? ""}`.toLowerCase().replaceAll("-", "").split(",");
  const found = names.flatMap((name) => POLICIES.get(name.trim()) ?? []);
  return new Set(found.length === 0 ? ["before"] : found);
}

function limitOf({ metadata }: KubeObject): number {
  const asked = parseDuration(metadata.annotations?.[LIMIT_ANNOTATION] ?? "");
  return asked === undefined ? durationMs(HOOK_LIMIT_DEFAULT) : Math.min(asked, HOOK_LIMIT_MS_MAX);
}
