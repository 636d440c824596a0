/**
 * What is worth an Event in the cluster: something was changed, or an App came to rest elsewhere than before. Made of what
 * is told anyway, so an unchanged state is no news. Fields are named by their paths, never by their values.
 */
import { assertNever } from "./assert.ts";
import type { ToldHold } from "./hold.ts";
import { holdWords, isSameHold } from "./hold.ts";
import type { OutcomeCounts } from "./outcome.ts";
import type { Drift, Phase } from "./protocol.ts";
import { scrubbed } from "./scrub.ts";
import { sentence } from "./text.ts";

/** With three bytes for each of these the API server's limit of 1 KiB holds. */
const NOTE_CHARS_MAX = 340;
const PATHS_MAX = 5;
/** What a pass restores beyond these is one sum: a deleted namespace is one story, not a hundred. */
const DRIFTS_MAX = 5;

export interface News {
  /** The App; absent: the whole cluster. */
  app?: string;
  type: "Normal" | "Warning";
  /** What happened, as one word. */
  reason: string;
  /** What the agent did, or does. */
  action: string;
  note: string;
}

type About = Pick<News, "app" | "type" | "reason" | "action">;

function news(about: About, text: string): News {
  return { ...about, note: sentence(scrubbed(withoutValues(text), []), NOTE_CHARS_MAX) };
}

/** An API server may quote the value that it refuses: of a Secret only its word for it is passed on. */
function withoutValues(text: string): string {
  return text.replace(/(\bSecret \S+: [^:]*):[^]*$/, "$1");
}

export interface Applied {
  release: number;
  /** The release that was wholly applied before. */
  from: number | undefined;
  /** In short. */
  commit: string | undefined;
  outcomes: OutcomeCounts;
}

/** None where the same release came again and found nothing to do. */
export function appliedNews(app: string, { release, from, commit, outcomes }: Applied): News[] {
  const counts = Object.entries(outcomes).filter(([, count]) => count > 0);
  const isChange = counts.some(([outcome]) => outcome !== "unchanged" && outcome !== "skipped");
  if (!isChange && release === from) return [];
  const text = counts.map(([outcome, count]) => `${count} ${outcome}`).join(", ");
  const about = { app, type: "Normal", reason: "Applied", action: "Apply" } as const;
  const of = commit === undefined ? "" : `, commit ${commit}`;
  return [news(about, `release ${release}${of}: ${text || "no objects"}`)];
}

/** `before` is the drift that was told already: what is only told stays, and is no news again. */
export function driftNews(app: string, drift: readonly Drift[], before: readonly Drift[]): News[] {
  const known = new Set(before.filter((one) => !one.restored).map(driftText));
  const fresh = drift.filter((one) => one.restored || !known.has(driftText(one)));
  const sorted = fresh.toSorted((a, b) => (a.object < b.object ? -1 : 1));
  const more = sorted.length - DRIFTS_MAX;
  const one = sorted.slice(0, DRIFTS_MAX).map((each) => news(driftAbout(app, each), driftText(each)));
  const [rest] = sorted.slice(DRIFTS_MAX);
  if (rest === undefined) return one;
  return [...one, news(driftAbout(app, rest), `${more} more objects, first ${driftText(rest)}`)];
}

function driftAbout(app: string, { restored }: Drift): About {
  if (restored) return { app, type: "Normal", reason: "DriftRestored", action: "Restore" };
  return { app, type: "Warning", reason: "DriftDetected", action: "Compare" };
}

function driftText({ object, fields, by, restored }: Drift): string {
  const paths = fields.map(({ path }) => path).filter((path) => path !== "");
  const shown = paths.slice(0, PATHS_MAX).join(", ");
  const more = paths.length > PATHS_MAX ? ` and ${paths.length - PATHS_MAX} more` : "";
  const who = by === undefined ? "" : `, changed by ${by}`;
  if (paths.length === 0) return `${object} ${restored ? "was missing and is made again" : "is missing"}`;
  return `${object}: ${shown}${more} ${restored ? "restored" : "differ"}${who}`;
}

export function fightNews(app: string, text: string): News {
  return news({ app, type: "Warning", reason: "DriftFight", action: "Restore" }, text);
}

/** Where an App is at rest, as its placement tells. */
export interface Rest {
  phase: Phase;
  message: string;
  generation: string;
}

/** `before` is undefined where nothing was told yet. Phases that a delivery only goes through are no news. */
export function restNews(app: string, before: Rest | undefined, after: Rest): News[] {
  const same = before?.phase === after.phase && before.generation === after.generation;
  if (same && (before.message === after.message || !isTrouble(after.phase))) return [];
  const about = aboutRest(before, after);
  return about === undefined ? [] : [news({ app, ...about }, after.message)];
}

function isTrouble(phase: Phase): boolean {
  return phase === "failed" || phase === "refused";
}

function aboutRest(before: Rest | undefined, { phase, generation }: Rest): Omit<About, "app"> | undefined {
  switch (phase) {
    case "received":
    case "applying":
      return undefined;
    case "progressing":
      // Of a new generation it is on its way; of one that was well before, it is a loss.
      return before?.phase === "healthy" && before.generation === generation
        ? { type: "Warning", reason: "Unhealthy", action: "Judge" }
        : undefined;
    case "healthy":
      return { type: "Normal", reason: "Healthy", action: "Judge" };
    case "failed":
      return { type: "Warning", reason: "Failed", action: "Apply" };
    case "refused":
      return { type: "Warning", reason: "Refused", action: "Accept" };
    case "removed":
      return { type: "Normal", reason: "Removed", action: "Remove" };
    case "orphaned":
      return { type: "Warning", reason: "Orphaned", action: "Keep" };
    default:
      return assertNever(phase);
  }
}

/** Of all holds of a cluster: those that are new, other than before, or over. */
export function holdNews(before: ToldHold, after: ToldHold): News[] {
  const apps = [...new Set([...Object.keys(before.apps), ...Object.keys(after.apps)])].toSorted();
  const subjects = [{ was: before.all, is: after.all, app: {} }].concat(
    apps.map((app) => ({ was: before.apps[app], is: after.apps[app], app: { app } })),
  );
  return subjects
    .filter(({ was, is }) => !isSameHold(was, is))
    .map(({ is, app }) => {
      const about = { ...app, type: "Normal", action: "Hold" } as const;
      if (is === undefined) return news({ ...about, reason: "Released" }, "not held any more");
      return news({ ...about, reason: "Held" }, holdWords(is));
    });
}
