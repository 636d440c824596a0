/** What an agent's poll is answered: its line tells whether anything is new, and only then its assignments are read. */
import { digestOf } from "#core/digest.ts";
import type { DesiredAnswer } from "#core/protocol.ts";
import type { Line } from "../store/line.ts";
import type { Db } from "../store/db.ts";
import type { Hub } from "../store/hub.ts";
import { listAssignments } from "../store/assignment.ts";

export interface Poll {
  /** The agent's heartbeat is due: it is written down. */
  beat: boolean;
  /** Of the answer that the agent has. */
  etag: string | undefined;
  /** Digest of the same, by which a whole look may end without a body. */
  content?: string | undefined;
  /** Another region writes: nothing is written down here, and the agent may know more than has come. */
  isCopy?: () => Promise<boolean>;
}

/** Without a body: what the agent has is what there is. */
export interface Desired {
  etag: string;
  content?: string;
  body?: DesiredAnswer;
}

export async function desiredFor(
  { db, now }: { db: Db; now: () => number },
  hub: Pick<Hub, "serial" | "charter">,
  { line, run }: { line: Line; run: string },
  poll: Poll,
): Promise<Desired> {
  const { project, cluster, pollMs } = line;
  if (poll.beat && !(await poll.isCopy?.())) {
    // Most polls have none.
    const { hear } = await import("../store/cluster.ts");
    await hear(db, line, run, now());
  }
  // Read before the assignments: an older tag only costs one more fetch, a newer one would hide an assignment.
  const etag = `"${hub.serial}.${line.desired}"`;
  if (poll.etag === etag) return { etag };
  if (isAhead(poll.etag, hub.serial, line.desired) && (await poll.isCopy?.())) return { etag: poll.etag };
  const assignments = await listAssignments(db, project, cluster);
  const body: DesiredAnswer = {
    charter: hub.charter,
    pollMs,
    ...(line.rotate === true ? { rotate: true } : {}),
    assignments: assignments.map(({ app, statement }) => ({ app, statement })),
  };
  const content = digestOf(body);
  return content === poll.content ? { etag } : { etag, content, body };
}

/** What this agent was answered elsewhere is not copied here yet: an older answer would be refused by it, and told as a fault. */
function isAhead(etag: string | undefined, serial: number, desired: number): etag is string {
  const [, charter, counter] = /^"(\d+)\.(\d+)"$/.exec(etag ?? "") ?? [];
  if (charter === undefined) return false;
  return Number(charter) > serial || (Number(charter) === serial && Number(counter) > desired);
}
