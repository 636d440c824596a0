/** The end of a cluster: what was known of it goes; its agent keeps what it has, and is nobody here any more. */
import { deleteBeat } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { deleteHold } from "../store/hold.ts";
import { deletePlacement } from "../store/placement.ts";
import { listResources } from "../store/resource.ts";
import { deleteServed } from "../store/served.ts";

/** After the Cluster itself was deleted; may be repeated. */
export async function forgetCluster(db: Db, project: string, cluster: string): Promise<void> {
  await deleteBeat(db, project, cluster);
  await deleteServed(db, project, cluster);
  await deleteHold(db, project, cluster);
  for (const { resource } of await listResources(db, "App", project))
    await deletePlacement(db, { project, app: resource.metadata.name, cluster });
}
