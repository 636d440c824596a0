/**
 * A cluster that says "not now": until when, and why. A person says it at the hub, or somebody in the cluster in its
 * ConfigMap, for all Apps or for one. It holds what comes next; what is assigned already goes on.
 */
import * as z from "zod";
import { parseDuration } from "./duration.ts";
import { canonicalJson } from "./digest.ts";
import { nameSchema } from "./metadata.ts";
import { sentence } from "./text.ts";

/** Longer is a decision about the fleet: take the cluster out of what the Apps select. */
export const HOLD_MS_MAX = 30 * 86_400_000;
/** With these, the heartbeat's item stays of some kilobytes at most. */
const HOLD_APPS_MAX = 10;
const REASON_CHARS_MAX = 120;
/** How long a hold counts whose text nobody can read: time enough to be told and mended. */
const UNREADABLE_MS = 60 * 60_000;

export const holdSchema = z.object({
  until: z.number().int().nonnegative(),
  reason: z
    .string()
    .min(1)
    .transform((text) => sentence(text, REASON_CHARS_MAX)),
});
export type Hold = z.infer<typeof holdSchema>;

/** The same in every member: a hold of one thing, or all that holds a cluster. */
export function isSameHold(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}

/** What a cluster says of itself. */
export const toldHoldSchema = z.object({
  all: holdSchema.optional(),
  apps: z
    .record(nameSchema, holdSchema)
    .refine((apps) => Object.keys(apps).length <= HOLD_APPS_MAX, `holds at most ${HOLD_APPS_MAX} Apps`)
    .default({}),
});
export type ToldHold = z.infer<typeof toldHoldSchema>;

/** `person`: said at the hub. */
export const clusterHoldSchema = z.object({
  person: holdSchema.optional(),
  agent: toldHoldSchema.optional(),
});
export type ClusterHold = z.infer<typeof clusterHoldSchema>;

/** The one that lasts longest of those that mean this App; without an App, of those that mean all. */
export function holdFor(
  holds: ClusterHold | undefined,
  app: string | undefined,
  now: number,
): Hold | undefined {
  const { person, agent } = holds ?? {};
  const own = app !== undefined && Object.hasOwn(agent?.apps ?? {}, app) ? agent?.apps[app] : undefined;
  return [person, agent?.all, own]
    .filter((hold) => hold !== undefined)
    .filter(({ until }) => until > now)
    .toSorted((a, b) => b.until - a.until)[0];
}

export function holdWords({ until, reason }: Hold): string {
  return `held until ${new Date(until).toISOString().slice(0, 16).replace("T", " ")} UTC: ${reason}`;
}

export const NO_HOLD: ToldHold = { apps: {} };
/** An hour later the hub may be another one; and whatever was on its way to it has come, or never will. */
const AGAIN_MS = 60 * 60_000;

/** What a cluster told its hub of itself last. */
export interface Told {
  hold: ToldHold;
  at: number;
  /** It was told before. */
  again: boolean;
}

/**
 * Whether the cluster's word is to be told: news at once, and a hold each hour. What ended a hold is told once more: it
 * may have come before the hold, which was late, and the hub, that writes nothing where nothing changes, took that then.
 */
export function wordDue(told: Told | undefined, hold: ToldHold, now: number): "news" | "again" | undefined {
  if (told === undefined || !isSameHold(told.hold, hold)) return "news";
  const isOver = told.again && isSameHold(hold, NO_HOLD);
  return isOver || now - told.at < AGAIN_MS ? undefined : "again";
}

const APP_KEY = /^app\.(.+)$/;
const timeSchema = z.iso.datetime({ offset: true });

/**
 * The ConfigMap's data: `until` and `reason` for all Apps, `app.<name>: <until> <reason>` for one. Whoever wrote it meant
 * to be left alone: what cannot be read holds all for an hour from `now`, and says what is wrong.
 */
export function parseHold(data: Readonly<Record<string, string>>, now: number): ToldHold {
  try {
    const apps = Object.entries(data).flatMap(([key, text]) => {
      const [, app] = APP_KEY.exec(key) ?? [];
      const [until = "", ...reason] = text.trim().split(/\s+/);
      return app === undefined ? [] : [[nameSchema.parse(app), holdOf(key, until, reason.join(" "), now)]];
    });
    const { until, reason } = data;
    const all = until === undefined && reason === undefined ? undefined : holdOf("until", until, reason, now);
    return toldHoldSchema.parse({ ...(all === undefined ? {} : { all }), apps: Object.fromEntries(apps) });
  } catch (error) {
    return {
      all: {
        until: now + UNREADABLE_MS,
        reason: sentence(faultOf("ConfigMap fairlead-hold", error), REASON_CHARS_MAX),
      },
      apps: {},
    };
  }
}

/** On an App's placement in the cluster: `2h payday`, or a time and a reason. */
export const HOLD_ANNOTATION = "fairlead.dev/hold";

export interface HoldMark {
  app: string;
  text: string;
  /** When it was written: where a duration begins. */
  at?: number;
}

/** The hold with what people wrote on placements; of two that mean one App the longer counts. */
export function withMarks(hold: ToldHold, marks: readonly HoldMark[], now: number): ToldHold {
  const apps = { ...hold.apps };
  for (const mark of marks) {
    const held = markHold(mark, now);
    if (held.until > (apps[mark.app]?.until ?? 0)) apps[mark.app] = held;
  }
  const longest = Object.entries(apps).toSorted(([, a], [, b]) => b.until - a.until);
  return { ...hold, apps: Object.fromEntries(longest.slice(0, HOLD_APPS_MAX)) };
}

function markHold({ text, at }: HoldMark, now: number): Hold {
  const [first = "", ...reason] = text.trim().split(/\s+/);
  const lengthMs = parseDuration(first);
  const until =
    lengthMs === undefined ? first : new Date((at ?? now) + Math.min(lengthMs, HOLD_MS_MAX)).toISOString();
  try {
    return holdOf(HOLD_ANNOTATION, until, reason.join(" "), now);
  } catch (error) {
    return { until: now + UNREADABLE_MS, reason: sentence(faultOf("its hold", error), REASON_CHARS_MAX) };
  }
}

function holdOf(key: string, until = "", reason = "", now: number): Hold {
  const time = timeSchema.safeParse(until.trim());
  if (!time.success)
    throw new Error(
      `${key} is no time such as 2026-11-22T06:00:00Z${key === HOLD_ANNOTATION ? ", and no duration such as 2h" : ""}`,
    );
  const at = Date.parse(time.data);
  if (at > now + HOLD_MS_MAX) throw new Error(`${key} is more than 30 days ahead`);
  if (reason.trim() === "") throw new Error(`${key} has no reason`);
  return { until: at, reason: sentence(reason, REASON_CHARS_MAX) };
}

function faultOf(where: string, error: unknown): string {
  const why =
    error instanceof z.ZodError ? error.issues[0]?.message : error instanceof Error ? error.message : "";
  return `${where} cannot be read: ${why ?? ""}`;
}
