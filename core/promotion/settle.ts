/** What is known after the host was asked: of a delivery, or of a pull request that is open. */
import { assertNever } from "../assert.ts";
import type { OpenedPullRequest, PromotionRecord, PromotionState } from "./state.ts";

export type Delivered =
  /** The target says it already; `files` as everywhere: what this release brought. */
  | { kind: "same"; files: string[] }
  | { kind: "committed"; commit: string; files: string[] }
  | { kind: "opened"; pull: Omit<OpenedPullRequest, "release"> }
  | { kind: "failed"; code: string; message: string };

/** All of a record that moves; what is absent has ended. */
export type Settled = Pick<PromotionRecord, "state" | "landed" | "pull" | "asked">;

const AGAIN_MS_MIN = 60_000;
const AGAIN_MS_MAX = 30 * 60_000;

export function settleDelivery(before: Settled, release: number, done: Delivered, now: number): Settled {
  switch (done.kind) {
    case "same":
    case "committed": {
      const commit = done.kind === "committed" ? { commit: done.commit } : {};
      const landed = { release, files: done.files };
      return { landed, state: { kind: "current", release, at: now, ...commit } };
    }
    case "opened": {
      const { url, commit } = done.pull;
      const { landed } = before;
      const state: PromotionState = { kind: "opened", release, url, commit, at: now };
      return { ...(landed === undefined ? {} : { landed }), pull: { release, ...done.pull }, state };
    }
    case "failed":
      return { ...movingOf(before), state: failedAgain(before.state, release, done, now) };
    default:
      return assertNever(done);
  }
}

/** Nothing else of a whole record. */
function movingOf({ state, landed, pull, asked }: Settled): Settled {
  return {
    state,
    ...(landed === undefined ? {} : { landed }),
    ...(pull === undefined ? {} : { pull }),
    ...(asked === undefined ? {} : { asked }),
  };
}

function failedAgain(
  state: PromotionState,
  release: number,
  { code, message }: Extract<Delivered, { kind: "failed" }>,
  now: number,
): PromotionState {
  const attempts = state.kind === "failed" && state.release === release ? state.attempts + 1 : 1;
  const wait = Math.min(AGAIN_MS_MAX, AGAIN_MS_MIN * 2 ** Math.min(attempts - 1, 10));
  return { kind: "failed", release, code, message, at: now, attempts, again: now + wait };
}

/** `pull` is the one that was asked about. Open, nothing is new. */
export function settlePull(
  before: Settled,
  pull: OpenedPullRequest,
  standing: "open" | "merged" | "closed",
  now: number,
): Settled {
  if (standing === "open" || before.pull?.number !== pull.number) return before;
  const { pull: _, ...rest } = movingOf(before);
  const isNewest = before.state.kind === "opened" && before.state.release === pull.release;
  const { release, url, files } = pull;
  if (standing === "closed")
    return isNewest ? { ...rest, state: { kind: "declined", release, url, at: now } } : rest;
  const state: PromotionState = isNewest ? { kind: "current", release, at: now, url } : before.state;
  return { ...rest, landed: { release, files }, state };
}
