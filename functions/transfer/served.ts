/** What clusters serve, told in an export: each list before the first cluster that names it, as far as one part knows. */
import type { ExportLine } from "#core/export.ts";
import type { ObjectStore } from "../objects/port.ts";
import { findApiList } from "../release/api-lists.ts";
import type { Db } from "../store/db.ts";
import { readServed, type Part } from "../store/transfer-read.ts";

/** Lists are large: a part that has this much of them ends. */
const LISTS_BYTES = 256 * 1024;

interface Deps {
  db: Db;
  objects: Pick<ObjectStore, "get">;
}

/** `after` is a cluster's name, a blank, and the list that was told last: neighbours serve the same. */
export async function servedPart({ db, objects }: Deps, project: string, after?: string): Promise<Part> {
  const [from, last = ""] = after?.split(" ") ?? [];
  const page = await readServed(db, project, from);
  const lines: ExportLine[] = [];
  const told = new Set([last]);
  let [bytes, at, newest] = [0, from, last];
  for (const { cluster, kubernetes, apis } of page.items) {
    if (bytes > LISTS_BYTES) return { lines, next: `${at} ${newest}` };
    at = cluster;
    if (kubernetes === undefined) continue;
    if (apis !== undefined && !told.has(apis)) {
      const list = await findApiList(objects, apis);
      // Lost: its agent tells it again.
      if (list === undefined) continue;
      lines.push({ kind: "apis", digest: apis, list: [...list] });
      bytes += JSON.stringify(list).length;
      told.add(apis);
      newest = apis;
    }
    lines.push({ kind: "served", project, cluster, kubernetes, ...(apis === undefined ? {} : { apis }) });
  }
  return { lines, next: page.next === undefined ? undefined : `${page.next} ${newest}` };
}
