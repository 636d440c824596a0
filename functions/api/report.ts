/**
 * Takes an agent's report: one write for each changed placement, at most one for the heartbeat. A replayed or late report
 * is older than what is stored and changes nothing.
 */
import type { ReportAnswer, ReportRequest } from "#core/protocol.ts";
import type { Line } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { putReport } from "../store/placement.ts";
import { hearReport } from "./heard.ts";

export async function takeReport(
  deps: { db: Db; now: () => number },
  { line, run }: { line: Line; run: string },
  report: ReportRequest,
): Promise<ReportAnswer> {
  const { project, cluster } = line;
  const now = deps.now();
  await hearReport(deps.db, line, run, now, { agent: report.agent, kubernetes: report.kubernetes });
  const answer: ReportAnswer = { accepted: 0, stale: [] };
  for (const placement of report.placements) {
    const put = await putReport(deps.db, project, cluster, placement, now);
    if (put.kind === "written") answer.accepted += 1;
    if (put.kind === "stale") answer.stale.push({ app: placement.app, seq: put.seq });
  }
  return answer;
}
