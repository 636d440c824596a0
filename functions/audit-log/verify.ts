/**
 * The hub's own check of a project's log, one bounded window at a time. What was done to an item before the window is not
 * known in it; `fairlead audit-log verify` reads the same batches and holds all of them against each other.
 */
import { checkBatches, checkFrom, checkEnd, type LogFinding } from "#core/audit-chain.ts";
import type { Verified } from "#core/audit-view.ts";
import { getLogBatch } from "../store/audit-log.ts";
import { readFound, type FoundDeps } from "./found.ts";

/** More are not told in one answer; the log is beyond repair then. */
const FINDINGS_MAX = 200;

/** `after` 0 begins at the start of the log. */
export async function verifyWindow(deps: FoundDeps, project: string, after: number): Promise<Verified> {
  const before = after === 0 ? undefined : await getLogBatch(deps.db, project, after);
  const point = after === 0 ? undefined : { n: after, hash: before?.hash, last: before?.last };
  const page = await readFound(deps, project, after);
  const { findings, checked } = checkBatches(project, page.batches, checkFrom(project, point));
  const { n, hash } = checked;
  const atEnd: LogFinding[] = page.next === undefined ? checkEnd(checked, page.beyond) : [];
  return {
    batches: checked.batches,
    records: checked.records,
    findings: [...findings, ...atEnd].slice(0, FINDINGS_MAX),
    ...(page.next === undefined ? {} : { next: page.next }),
    ...(page.next === undefined && hash !== undefined && n > 0 ? { head: { n, hash } } : {}),
  };
}
