/**
 * Writes the drift audit of a slot, exactly once: the document under the slot's name, which is never overwritten, then
 * its row under a condition. A schedule that fires twice finds the row, or loses the race for both.
 */
import { driftAudit, driftAuditSchema, slotOf, type DriftAudit } from "#core/drift-audit.ts";
import { canonicalJson } from "#core/digest.ts";
import type { PlacementView } from "#core/view.ts";
import type { ObjectStore } from "../objects/port.ts";
import { isSilent, listBeats } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { hasAuditRow, newestAuditRow, putAuditRow } from "../store/drift-audit.ts";
import { listPlacements, withDetail } from "../store/placement.ts";
import { listProjects, listResources } from "../store/resource.ts";

export interface AuditDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  slotMs: number;
}

export async function auditAll(deps: AuditDeps): Promise<void> {
  for (const project of await listProjects(deps.db)) await auditProject(deps, project);
}

export async function auditProject(deps: AuditDeps, project: string): Promise<"written" | "exists"> {
  const now = deps.now();
  const slot = slotOf(now, deps.slotMs);
  if (await hasAuditRow(deps.db, project, slot)) return "exists";
  const audit = driftAudit(await readFleet(deps.db, project, now), slot, now);
  // Named by the slot, and never overwritten: of two firings at once, one document stays, and both rows would name it.
  const document = `drift-audits/${project}/${slot.toLowerCase().replaceAll(":", "-")}.json`;
  await deps.objects.put(document, new TextEncoder().encode(canonicalJson(audit)));
  return (await putAuditRow(deps.db, { project, slot, document })) === "written" ? "written" : "exists";
}

async function readFleet(db: Db, project: string, now: number) {
  const beats = await listBeats(db, project);
  const clusters = (await listResources(db, "Cluster", project)).map(({ resource }) => {
    const beat = beats.get(resource.metadata.name);
    return { name: resource.metadata.name, silent: isSilent(beat, now), heardAt: beat?.heardAt };
  });
  const placements: PlacementView[] = [];
  for (const { resource } of await listResources(db, "App", project))
    for (const placement of await listPlacements(db, project, resource.metadata.name))
      placements.push(await withDetail(db, placement));
  return { project, placements, clusters };
}

export async function newestAudit(
  deps: Pick<AuditDeps, "db" | "objects">,
  project: string,
): Promise<DriftAudit | undefined> {
  const row = await newestAuditRow(deps.db, project);
  if (row === undefined) return undefined;
  const bytes = await deps.objects.get(row.document);
  return bytes === undefined
    ? undefined
    : driftAuditSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
}
