/** What scans found in the images of a release: one small item for each image, the newest report of it. */
import { sha256 } from "#core/digest.ts";
import { SCANS_MAX, scanViewSchema, type ScanView } from "#core/scan.ts";
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

export interface ReleaseName {
  project: string;
  app: string;
  release: number;
}

/** `lost`: a newer report of this image is there. */
export async function putScan(
  db: Db,
  { project, app, release }: ReleaseName,
  scan: ScanView,
): Promise<"written" | "lost"> {
  const item = { ...keys.scan(project, app, release, sha256(scan.image)), ...scan };
  return db.put(item, {
    text: "attribute_not_exists(pk) OR #at <= :at",
    names: { at: "at" },
    values: { at: scan.at },
  });
}

/** All of them: they are bounded where they are taken. */
export async function listScans(db: Db, { project, app, release }: ReleaseName): Promise<ScanView[]> {
  // Requests at the same time may have gone a little beyond the bound.
  const items = await readAll(db, lists.scans(project, app, release), {
    consistent: true,
    limit: 2 * SCANS_MAX,
  });
  return items.map((item) => scanViewSchema.parse(item));
}

export async function deleteScans(db: Db, { project, app, release }: ReleaseName): Promise<void> {
  for (const { image } of await listScans(db, { project, app, release }))
    await db.delete(keys.scan(project, app, release, sha256(image)));
}
