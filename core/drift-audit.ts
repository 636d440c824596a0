/**
 * The drift audit: one document a slot, of what in the fleet is not as Git says - drifted objects, silent clusters,
 * clusters off their App's release. A plain function of what the table holds; nothing is corrected here.
 */
import * as z from "zod";
import { driftSchema } from "./protocol.ts";
import type { PlacementView } from "./view.ts";

export const driftAuditSchema = z.object({
  project: z.string(),
  /** The start of the slot, ISO 8601 in UTC: one audit each. */
  slot: z.string(),
  at: z.number(),
  clusters: z.number().int(),
  placements: z.number().int(),
  drifted: z.array(
    z.object({
      app: z.string(),
      cluster: z.string(),
      total: z.number().int(),
      objects: z.array(driftSchema),
    }),
  ),
  silent: z.array(z.object({ cluster: z.string(), heardAt: z.number().optional() })),
  offRelease: z.array(
    z.object({
      app: z.string(),
      cluster: z.string(),
      has: z.number().int(),
      wants: z.number().int(),
      why: z.string(),
    }),
  ),
});
export type DriftAudit = z.infer<typeof driftAuditSchema>;

export interface AuditInput {
  project: string;
  placements: readonly PlacementView[];
  clusters: readonly { name: string; silent: boolean; heardAt: number | undefined }[];
}

/** `slotMs` is the length of a slot: two firings within one slot make one audit. */
export function slotOf(now: number, slotMs: number): string {
  return new Date(now - (now % slotMs)).toISOString();
}

/** Sorted throughout, so that two audits compare line by line. */
export function driftAudit(input: AuditInput, slot: string, now: number): DriftAudit {
  const placements = input.placements.toSorted((a, b) =>
    `${a.app}/${a.cluster}` < `${b.app}/${b.cluster}` ? -1 : 1,
  );
  return {
    project: input.project,
    slot,
    at: now,
    clusters: input.clusters.length,
    placements: placements.length,
    drifted: placements.flatMap(driftedOf),
    silent: input.clusters
      .filter(({ silent }) => silent)
      .map(({ name, heardAt }) => ({ cluster: name, ...(heardAt === undefined ? {} : { heardAt }) }))
      .toSorted((a, b) => (a.cluster < b.cluster ? -1 : 1)),
    offRelease: placements.flatMap(offReleaseOf),
  };
}

function driftedOf({ app, cluster, observed, detail }: PlacementView): DriftAudit["drifted"] {
  if (observed === undefined || observed.drift === 0) return [];
  return [{ app, cluster, total: observed.drift, objects: detail?.drift ?? [] }];
}

function offReleaseOf({ app, cluster, assigned, observed }: PlacementView): DriftAudit["offRelease"] {
  if (assigned === undefined) return [];
  const same =
    observed !== undefined &&
    observed.epoch === assigned.epoch &&
    observed.generation === assigned.generation;
  if (same && (observed.phase === "healthy" || observed.phase === "removed")) return [];
  const why = observed === undefined ? "never reported" : `${observed.phase}: ${observed.message}`;
  return [{ app, cluster, has: observed?.release ?? 0, wants: assigned.release, why }];
}
