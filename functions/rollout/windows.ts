/**
 * The calendar behind a rollout's windows: cron patterns in their time zones. A start that falls into the hour that spring
 * leaves out is at its end; one in the hour that autumn repeats comes once, at the first of the two.
 */
import { Cron } from "croner";
import {
  calendarVerdict,
  type CalendarWindow,
  type Rollout,
  type Starts,
  type WindowVerdict,
} from "#core/rollout.ts";

/** Of each stage; undefined: it may move at any time. Computed anew at each step, so nothing has to wake up at an hour. */
export function windowsNow(rollout: Rollout, now: number): (WindowVerdict | undefined)[] {
  const known = new Map<string, Cron>();
  const startsOf: Starts = ({ cron, timeZone }, at) => {
    const name = `${timeZone} ${cron}`;
    const calendar = known.get(name) ?? calendarOf(cron, timeZone);
    known.set(name, calendar);
    return startsAround(calendar, at);
  };
  const whole = verdictOf(rollout.windows, startsOf, now);
  return rollout.stages.map(({ windows }) =>
    windows === undefined ? whole : verdictOf(windows, startsOf, now),
  );
}

function verdictOf(
  windows: readonly CalendarWindow[] | undefined,
  startsOf: Starts,
  now: number,
): WindowVerdict | undefined {
  if (windows === undefined || windows.length === 0) return undefined;
  try {
    return calendarVerdict(windows, startsOf, now);
  } catch {
    // Checked when it was applied; a calendar of another day that knows it no more keeps the clusters where they are.
    return { open: false };
  }
}

/** Why no calendar knows it; undefined: one does. */
export function windowIssue({
  cron,
  timeZone,
}: Pick<CalendarWindow, "cron" | "timeZone">): string | undefined {
  if (!isTimeZone(timeZone))
    return `time zone ${timeZone} is not known: name one as IANA does, such as Europe/Berlin or UTC`;
  try {
    const next = calendarOf(cron, timeZone).nextRun(new Date(0));
    return next === null ? `pattern ${cron} never comes: there is no such day` : undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    return `pattern ${cron} cannot be read: ${why}`;
  }
}

function startsAround(calendar: Cron, at: number): ReturnType<Starts> {
  // A run at this very moment is the last one, not the next.
  const [last] = calendar.previousRuns(1, new Date(at + 1));
  const next = calendar.nextRun(new Date(at));
  return {
    ...(last === undefined ? {} : { lastStart: last.getTime() }),
    ...(next === null ? {} : { nextStart: next.getTime() }),
  };
}

function calendarOf(cron: string, timeZone: string): Cron {
  return new Cron(cron, { timezone: timeZone, mode: "5-part", paused: true });
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
