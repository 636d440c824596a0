/** When a Source is due to be looked at: pure, over what is known of it. Never later than its words say, spread by its name. */
import { sha256 } from "./digest.ts";
import { durationMs } from "./duration.ts";
import type { Demanded } from "./signers.ts";
import { askedOf, type Source, type SourceState } from "./source.ts";

/** A repository that fails is asked half as often each time, down to this. */
export const POLL_BACKOFF_MS_MAX = 15 * 60_000;
/** Where a webhook tells of changes, polling is the net below it. */
export const POLL_STRETCH = 10;
export const POLL_STRETCHED_MS_MAX = 10 * 60_000;
const DOUBLINGS_MAX = 20;

export interface Watched {
  readonly source: Source;
  readonly state: SourceState | undefined;
  /** By this process: when, and the nudge that was known then. */
  readonly looked: { readonly at: number; readonly nudge: number | undefined } | undefined;
  /** When a webhook told of a change last; undefined: none ever did. */
  readonly nudge: number | undefined;
  /** When the credential that the Source names was stored last. */
  readonly credentialAt: number | undefined;
  /** The signatures that it demands now; absent: none. */
  readonly rules?: Demanded;
}

/** Milliseconds since 1970; 0 is at once. */
export function pollDueAt({ source, state, looked, nudge, credentialAt, rules }: Watched): number {
  const failedAt = state?.kind === "failed" ? state.at : undefined;
  const lastAt = looked?.at ?? failedAt;
  if (lastAt === undefined) return 0;
  if (state?.asked !== undefined && state.asked !== askedOf(source, rules)) return 0;
  const isNudged = looked === undefined ? (nudge ?? 0) > lastAt : nudge !== looked.nudge;
  const isMended = failedAt !== undefined && (credentialAt ?? 0) > lastAt;
  if (isNudged || isMended) return 0;
  return lastAt + intervalMs(source, state, nudge !== undefined) * jitter(source);
}

function intervalMs(source: Source, state: SourceState | undefined, isHooked: boolean): number {
  const poll = durationMs(source.spec.poll);
  // The repository of a refused commit is well: the next commit is waited for as usual.
  if (state?.kind === "failed" && state.refused === undefined) {
    const doubled = poll * 2 ** Math.min(state.attempts ?? 1, DOUBLINGS_MAX);
    return Math.max(poll, Math.min(doubled, POLL_BACKOFF_MS_MAX));
  }
  return isHooked ? Math.max(poll, Math.min(poll * POLL_STRETCH, POLL_STRETCHED_MS_MAX)) : poll;
}

/** Between 0.9 and 1. */
function jitter({ metadata }: Source): number {
  const share = Number.parseInt(sha256(`${metadata.project}/${metadata.name}`).slice(0, 4), 16) / 0xffff;
  return 0.9 + share * 0.1;
}
