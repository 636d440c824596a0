/** What is assigned to a cluster, as its agent fetches it. Written by `placement.ts`, together with the placement. */
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

export interface Assignment {
  app: string;
  statement: string;
  epoch: number;
  generation: number;
  bundle: string | undefined;
}

export async function listAssignments(db: Db, project: string, cluster: string): Promise<Assignment[]> {
  const items = await readAll(db, lists.assignments(project, cluster), { consistent: true });
  return items.map((item) => item as unknown as Assignment);
}

export async function getAssignment(
  db: Db,
  project: string,
  cluster: string,
  app: string,
): Promise<Assignment | undefined> {
  const item = await db.get(keys.assignment(project, cluster, app), { consistent: true });
  return item as Assignment | undefined;
}
