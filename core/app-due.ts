/**
 * Whether an App or a fleet folder is to be looked at now, told by the small items that name it alone. What changes with
 * clusters, Projects and Policies is told by events, and found without them when everything is looked at.
 */
import type { FleetFolder } from "./fleet-folder.ts";

/** What failed is tried again after this long: it may have been a passing trouble. */
export const LOOK_RETRY_MS = 5 * 60_000;

export interface AppFacts {
  readonly deleting: boolean;
  /** Of its Source, read last; undefined: never read. */
  readonly commit: string | undefined;
  /** The hub's. */
  readonly epoch: number;
  /** As the look before left it. */
  readonly record:
    | {
        readonly commit?: string | undefined;
        readonly epoch: number;
        readonly lookedAt: number;
        readonly error?: object | undefined;
        readonly returnTo?: object | undefined;
      }
    | undefined;
}

/** An App whose Source was never read has nothing to be looked at with. */
export function isAppDue({ deleting, commit, epoch, record }: AppFacts, now: number): boolean {
  if (commit === undefined) return false;
  if (deleting || record === undefined || record.returnTo !== undefined) return true;
  if (record.commit !== commit || record.epoch !== epoch) return true;
  return record.error !== undefined && now - record.lookedAt >= LOOK_RETRY_MS;
}

/** `state` is undefined where the folder was never synced. */
export function isFolderDue(
  { commit, state }: { commit: string | undefined; state: FleetFolder | undefined },
  now: number,
): boolean {
  if (commit === undefined) return false;
  if (state === undefined || state.commit !== commit) return true;
  return state.errorsTotal > 0 && now - state.at >= LOOK_RETRY_MS;
}
