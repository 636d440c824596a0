/** What windows mean, whatever a calendar says of their starts: checked against the plain meaning, minute by minute. */
import { assert, property } from "fast-check";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appSchema } from "#core/app.ts";
import {
  calendarVerdict,
  command,
  decide,
  stagesOf,
  type CalendarWindow,
  type Starts,
} from "#core/rollout.ts";
import { available, ready, rollout, row, silent, stage } from "../../support/rollout.ts";

/** A window that starts at `offset` and then every `every`, as a cron pattern of a simpler world. */
const made = (kind: "allow" | "deny", every: number, offset: number, forMs: number): CalendarWindow => ({
  kind,
  cron: `${every} ${offset}`,
  forMs,
  timeZone: "UTC",
});
const startsOf: Starts = ({ cron }, at) => {
  const [every = 1, offset = 0] = cron.split(" ").map(Number);
  const before = Math.floor((at - offset) / every);
  return {
    ...(before < 0 ? {} : { lastStart: before * every + offset }),
    nextStart: Math.max(0, before + 1) * every + offset,
  };
};
/** The meaning, said without starts: some occurrence of it holds this moment. */
const holds = ({ cron, forMs }: CalendarWindow, at: number): boolean => {
  const [every = 1, offset = 0] = cron.split(" ").map(Number);
  for (let start = offset; start <= at; start += every) if (at < start + forMs) return true;
  return false;
};
const isOpen = (windows: CalendarWindow[], at: number): boolean => {
  const allow = windows.filter(({ kind }) => kind === "allow");
  return (
    !windows.some((one) => one.kind === "deny" && holds(one, at)) &&
    (allow.length === 0 || allow.some((one) => holds(one, at)))
  );
};

const anyWindow = fc
  .record({
    kind: fc.constantFrom("allow" as const, "deny" as const),
    every: fc.integer({ min: 5, max: 40 }),
    offset: fc.integer({ min: 0, max: 30 }),
    forMs: fc.integer({ min: 1, max: 30 }),
  })
  .map(({ kind, every, offset, forMs }) => made(kind, every, offset, forMs));

describe("calendarVerdict, whatever the windows", () => {
  it("is open exactly when something is allowed and nothing denied, and opens exactly when it says", () => {
    assert(
      property(
        fc.array(anyWindow, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 200 }),
        (windows, at) => {
          const verdict = calendarVerdict(windows, startsOf, at);
          expect(verdict.open).toBe(isOpen(windows, at));
          if (verdict.open || verdict.until === undefined) return;
          for (let moment = at; moment < verdict.until; moment++) expect(isOpen(windows, moment)).toBe(false);
          expect(isOpen(windows, verdict.until)).toBe(true);
        },
      ),
    );
  });

  it("names no opening where there is none", () => {
    const always = [made("deny", 10, 0, 10)];
    expect(calendarVerdict(always, startsOf, 5)).toEqual({ open: false });
  });

  it("goes on to the next opening where an allowed time begins inside a denied one", () => {
    const windows = [made("allow", 100, 50, 5), made("deny", 1000, 140, 40)];
    expect(calendarVerdict(windows, startsOf, 60)).toEqual({ open: false, until: 250 });
  });
});

describe("a rollout's windows", () => {
  const closed = [{ open: false, until: 900 }];

  it("hold what returns too: a cluster that is heard again waits for its stage's window", () => {
    const now = rollout({
      released: 4,
      later: [1],
      stage: 1,
      state: { kind: "succeeded", at: 5, silent: 1 },
    });
    const seen = row(1, ready);
    expect(decide(now, { targets: seen, windows: closed }, 10).next).toMatchObject({ out: [], later: [1] });
    expect(decide(now, { targets: seen, windows: [{ open: true }] }, 10).next).toMatchObject({ out: [1] });
  });

  it("do not begin the soak of an empty stage anew, which would never end", () => {
    const stages = [stage("canary", 0, 0, { soakMs: 20 }), stage("rest", 0, 4)];
    const open = [{ open: true }];
    const soaking = decide(rollout({ stages }), { targets: [], windows: open }, 10).next;
    expect(soaking.state).toMatchObject({ step: { kind: "soaking", until: 30 } });
    const kept = decide(soaking, { targets: [], windows: closed }, 20).next;
    expect(decide(kept, { targets: row(0, ready), windows: open }, 31).next).toMatchObject({ stage: 1 });
  });

  it("are passed by a person, for this stage only", () => {
    const stages = [stage("canary", 0, 1), stage("rest", 1, 4)];
    const both = [closed[0], closed[0]];
    const waiting = decide(rollout({ stages }), { targets: row(0, ready), windows: both }, 10).next;
    expect(waiting.state).toMatchObject({ step: { kind: "window", until: 900 } });
    const told = command(waiting, { kind: "skip-stage", by: "user:ada" }, 11);
    if (told.kind !== "done") throw new Error(told.kind);
    const moved = decide(told.next, { targets: row(0, ready), windows: both }, 12).next;
    expect(moved.out).toEqual([0]);
    const next = decide(moved, { targets: row(0, available, ready), windows: both }, 13).next;
    expect(next).toMatchObject({ stage: 1, out: [], state: { step: { kind: "window" } } });
    expect(decide(next, { targets: row(1, silent), windows: both }, 14).next.released).toBe(1);
  });
});

const app = (change: object) =>
  appSchema.safeParse({
    apiVersion: "fairlead.dev/v1",
    kind: "App",
    metadata: { name: "shop", project: "web" },
    spec: { source: "s", clusters: {}, rollout: change },
  });

describe("spec.rollout.windows", () => {
  it("of a stage replace those of the rollout", () => {
    const parsed = app({
      windows: [{ allow: "0 9 * * 1-5", for: "8h" }],
      stages: [{ name: "canary", clusters: {}, windows: [] }],
    });
    if (!parsed.success) throw parsed.error;
    expect(parsed.data.spec.rollout.windows?.[0]?.timeZone).toBe("UTC");
    expect(stagesOf(parsed.data.spec.rollout, [0, 1]).map(({ windows }) => windows)).toEqual([[], undefined]);
  });

  it.each([
    [{ for: "8h" }, "either allow or deny"],
    [{ allow: "0 9 * * *", deny: "0 9 * * *", for: "8h" }, "either allow or deny"],
    [{ allow: "@daily", for: "8h" }, "five fields"],
    [{ allow: "0 9 ? * *", for: "8h" }, "five fields"],
    [{ allow: "0 0 9 * * *", for: "8h" }, "five fields"],
    [{ allow: "0 9 * * *", for: "32d" }, "must be a duration"],
  ])("refuses %j", (window, words) => {
    const parsed = app({ windows: [window] });
    expect(parsed.error?.issues.map(({ message }) => message).join()).toContain(words);
  });
});
