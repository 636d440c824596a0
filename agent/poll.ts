/**
 * The line to the hub: asks for the desired state at the hub's own pace, hands answers to the desk, and backs off
 * while the hub is away. It only ever hands over; what is true in the cluster is the lanes' business.
 */
import type { AgentDeps } from "./deps.ts";
import type { Desk } from "./desk.ts";
import type { Desired, Hub } from "./hub.ts";
import { HubError } from "./hub.ts";
import { KubeError } from "./kube/port.ts";
import type { Membership } from "./membership.ts";
import type { Stopper } from "./stop.ts";
import type { Vitals } from "./vitals.ts";
import { backoff, jittered } from "./wait.ts";
import { POLL_IDLE_MS_DEFAULT } from "#core/limits.ts";

export interface PollContext {
  deps: AgentDeps;
  stopper: Stopper;
  hub: Hub;
  vitals: Pick<Vitals, "polled" | "pollDue">;
  desk: Pick<Desk, "take">;
  membership: Pick<Membership, "considerCharter" | "tend" | "refused" | "askedToRotate">;
}

type Changed = Extract<Desired, { kind: "changed" }>;

interface Cursor {
  etag: string | undefined;
  /** The last answer with a body. */
  last: Changed | undefined;
  beatAt: number;
  fetchedAt: number;
  pollMs: number;
}

export async function pollLoop(context: PollContext): Promise<void> {
  const { deps, stopper, vitals } = context;
  let cursor: Cursor = {
    etag: undefined,
    last: undefined,
    beatAt: -Infinity,
    fetchedAt: -Infinity,
    pollMs: POLL_IDLE_MS_DEFAULT,
  };
  let failures = 0;
  while (!stopper.stopped) {
    try {
      cursor = await tendAndPoll(context, cursor);
      failures = 0;
    } catch (error) {
      if (stopper.stopped) return;
      if (!(error instanceof HubError || error instanceof KubeError)) throw error;
      failures += 1;
      vitals.polled("failed");
      deps.log({ level: "warn", message: `poll failed: ${error.message}` });
    }
    const ms = waitMs(deps, cursor, failures);
    vitals.pollDue(ms);
    await deps.sleep(ms, stopper.signal);
  }
}

function waitMs({ options, random }: AgentDeps, cursor: Cursor, failures: number): number {
  return failures > 0
    ? backoff(failures, options.backoffMinMs, options.backoffMaxMs, random)
    : jittered(Math.max(cursor.pollMs, options.pollMinMs), random);
}

async function tendAndPoll(context: PollContext, cursor: Cursor): Promise<Cursor> {
  const { membership } = context;
  await membership.tend();
  try {
    return await pollOnce(context, cursor);
  } catch (error) {
    if (error instanceof HubError && error.status === 401) await membership.refused();
    throw error;
  }
}

async function pollOnce(context: PollContext, cursor: Cursor): Promise<Cursor> {
  const { deps, hub, stopper } = context;
  const now = deps.clock();
  const beat = now - cursor.beatAt >= deps.options.heartbeatMs;
  const whole = now - cursor.fetchedAt >= deps.options.unconditionalFetchMs;
  const { etag, last } = cursor;
  const desired = await hub.desired(
    whole ? { by: "content", content: last?.content } : { by: "etag", etag },
    beat,
  );
  context.vitals.polled(desired.kind);
  stopper.check();
  const next = { ...cursor, beatAt: beat ? now : cursor.beatAt, fetchedAt: whole ? now : cursor.fetchedAt };
  if (desired.kind === "changed") return await taken(context, desired, whole, next);
  // What was refused, or could not be fetched, is tried again: the same answer stands.
  if (whole && last !== undefined)
    return await taken(context, { ...last, etag: desired.etag ?? etag }, whole, next);
  return { ...next, etag: desired.etag ?? etag, pollMs: desired.pollMs ?? cursor.pollMs };
}

async function taken(
  { desk, membership }: PollContext,
  desired: Changed,
  whole: boolean,
  cursor: Cursor,
): Promise<Cursor> {
  const { answer, etag } = desired;
  if (answer.rotate === true) membership.askedToRotate();
  const replaced = await membership.considerCharter(answer.charter);
  desk.take(answer.assignments, whole || replaced);
  return { ...cursor, etag, last: desired, pollMs: answer.pollMs };
}
