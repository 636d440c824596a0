/**
 * Whether a change would come back: what the App's renders read is known file by file, so a base that both environments share
 * is found as well, however it is reached.
 */
import type { FileChange } from "#core/promotion/change.ts";
import { GitFailure } from "../source/git-failure.ts";
import type { Reads } from "../render/reads.ts";

/** Throws `GitFailure`. `reads` are of the branch that is written to. */
export function refuseLoop(app: string, reads: Reads, changes: readonly FileChange[]): void {
  const touched = changes.find((change) => isRead(reads, change));
  if (touched === undefined) return;
  throw new GitFailure(
    "refused",
    `App ${app} itself reads ${touched.path}: promoting into it would never end; write to another path`,
  );
}

function isRead({ found, listed }: Reads, { path, before, after }: FileChange): boolean {
  if (Object.hasOwn(found, path)) return true;
  const isNames = before === undefined || after === undefined;
  return isNames && Object.keys(listed).some((folder) => folder === "" || path.startsWith(`${folder}/`));
}
