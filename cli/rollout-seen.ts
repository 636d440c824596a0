/**
 * What `fairlead rollout status` makes of what the hub says: plain functions, so that every end of a wait can be
 * tested without waiting. A rollout is judged by the release that was asked for, never by a newer or older one.
 */
import { assertNever } from "#core/assert.ts";
import { errorPlace } from "#core/fleet.ts";
import type { Release } from "#core/release.ts";
import type { Rollout } from "#core/rollout.ts";
import type { AppError, AppView } from "#core/view.ts";

export type Wish =
  | { kind: "newest" }
  | { kind: "release"; release: number }
  | { kind: "commit"; commit: string };

export interface Seen {
  app: AppView;
  /** Newest first, as many as the hub lists. */
  releases: readonly Release[];
  rollouts: readonly Rollout[];
}

export type Judged =
  /** Nothing to judge yet: it may still come. */
  | { kind: "waiting"; why: string }
  /** It cannot come any more. */
  | { kind: "refused"; message: string; fix: string }
  | { kind: "found"; release: Release | undefined; rollout: Rollout; note?: string };

export function judge(seen: Seen, wish: Wish): Judged {
  switch (wish.kind) {
    case "newest":
      return newest(seen);
    case "release":
      return numbered(seen, wish.release);
    case "commit":
      return ofCommit(seen, wish.commit);
    default:
      return assertNever(wish);
  }
}

function newest({ app, releases, rollouts }: Seen): Judged {
  const [release] = releases;
  if (release !== undefined) return started({ app, releases, rollouts }, release.release);
  if (app.state?.error !== undefined) return failed(app, app.state.error);
  return { kind: "waiting", why: "no release yet" };
}

function numbered(seen: Seen, release: number): Judged {
  const latest = seen.releases[0]?.release ?? 0;
  const known =
    seen.releases.some((one) => one.release === release) ||
    seen.rollouts.some((one) => one.release === release);
  if (known) return started(seen, release);
  if (release > latest)
    return { kind: "waiting", why: `release ${release} is not made yet, the newest is ${latest}` };
  return {
    kind: "refused",
    message: `release ${release} is not among those that the hub keeps`,
    fix: "`fairlead get releases` lists them",
  };
}

function ofCommit(seen: Seen, commit: string): Judged {
  const { app, releases } = seen;
  const error = app.state?.error;
  if (error !== undefined && isCommit(error.commit, commit)) return failed(app, error);
  const release = releases.find((one) => isCommit(one.commit, commit));
  if (release !== undefined) return started(seen, release.release);
  if (app.state?.commit === undefined || !isCommit(app.state.commit, commit)) {
    const at = app.state?.commit === undefined ? "none" : app.state.commit.slice(0, 7);
    return {
      kind: "waiting",
      why: `commit ${commit.slice(0, 7)} was not looked at yet, the newest that was is ${at}`,
    };
  }
  // Looked at, and neither failed nor released: it changes nothing of what this App renders to.
  const { release: stays } = app.state;
  if (stays === 0) return { kind: "waiting", why: "no release yet" };
  const judged = started(seen, stays);
  return judged.kind === "found"
    ? { ...judged, note: `commit ${commit.slice(0, 7)} changes nothing of this App: release ${stays} stays` }
    : judged;
}

/** People give short ids; seven digits are what Git itself shows. */
function isCommit(full: string, asked: string): boolean {
  return full.startsWith(asked.toLowerCase());
}

function started({ releases, rollouts }: Seen, number: number): Judged {
  const rollout = rollouts.find((one) => one.release === number);
  if (rollout === undefined) return { kind: "waiting", why: `release ${number} is about to start` };
  return { kind: "found", rollout, release: releases.find((one) => one.release === number) };
}

function failed(app: AppView, error: AppError): Judged {
  const place = errorPlace(error);
  const where = place === "" ? "" : `${place}: `;
  const stays =
    app.state === undefined || app.state.release === 0
      ? "nothing was released"
      : `release ${app.state.release} keeps running`;
  const fix = `correct ${error.file ?? "what is named"} and push, or revert the commit; ${stays}`;
  return {
    kind: "refused",
    message: `commit ${error.commit.slice(0, 7)} made no release of App ${app.resource.metadata.name}: ${where}${error.message}`,
    fix,
  };
}
