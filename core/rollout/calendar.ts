/**
 * Windows as people write them, and as a rollout's record keeps them. Here is their shape only: patterns and time zones
 * are read with a calendar, at the rim, where an App that names one that no calendar knows is refused.
 */
import * as z from "zod";
import { durationMs, durationSchema } from "../duration.ts";
import { firstOpening, windowVerdict, type Window, type WindowVerdict } from "./window.ts";

const FOR_MS_MIN = 60_000;
const FOR_MS_MAX = 31 * 86_400_000;
const WINDOWS_MAX = 10;
/** `?` would be the moment at which it is read: another one for each reader. */
const FIVE_FIELDS = /^[^\s?@]+( +[^\s?@]+){4}$/;

const cronSchema = z
  .string()
  .max(100)
  .regex(FIVE_FIELDS, 'must be five fields, minute hour day month weekday, such as "0 9 * * 1-5"');

const windowSpecSchema = z
  .strictObject({
    /** Starts of times at which clusters may move; outside of all of them none does. */
    allow: cronSchema.optional(),
    /** Starts of times at which none may, whatever is allowed. */
    deny: cronSchema.optional(),
    for: durationSchema(FOR_MS_MIN, FOR_MS_MAX),
    timeZone: z.string().min(1).max(64).default("UTC"),
  })
  .refine(({ allow, deny }) => (allow === undefined) !== (deny === undefined), {
    message: "must have either allow or deny, with the pattern of its starts",
  });
type WindowSpec = z.infer<typeof windowSpecSchema>;
export const windowSpecsSchema = z.array(windowSpecSchema).max(WINDOWS_MAX);

export const calendarWindowSchema = z.object({
  kind: z.enum(["allow", "deny"]),
  cron: z.string(),
  forMs: z.number().int().positive(),
  timeZone: z.string(),
});
export type CalendarWindow = z.infer<typeof calendarWindowSchema>;

export function calendarWindows(specs: readonly WindowSpec[]): CalendarWindow[] {
  return specs.map(({ allow, deny, for: lasts, timeZone }) => ({
    kind: allow === undefined ? "deny" : "allow",
    cron: allow ?? deny ?? "",
    forMs: durationMs(lasts),
    timeZone,
  }));
}

/** When each window started last and starts next, seen from a moment. */
export type Starts = (window: CalendarWindow, at: number) => Pick<Window, "lastStart" | "nextStart">;

/** `until` is the moment at which it really opens: an allowed time may begin inside a denied one. */
export function calendarVerdict(
  windows: readonly CalendarWindow[],
  startsOf: Starts,
  now: number,
): WindowVerdict {
  const verdictAt = (at: number): WindowVerdict =>
    windowVerdict(
      windows.map((window) => ({ kind: window.kind, forMs: window.forMs, ...startsOf(window, at) })),
      at,
    );
  const verdict = verdictAt(now);
  if (verdict.open) return verdict;
  const until = firstOpening(verdictAt, verdict);
  return until === undefined ? { open: false } : { open: false, until };
}
