/** Windows on a real calendar: time zones, the hour that spring leaves out, the one that autumn repeats. */
import { describe, expect, it } from "vitest";
import { appSchema } from "#core/app.ts";
import type { CalendarWindow } from "#core/rollout.ts";
import { refuseWindows } from "../../../functions/apply/refuse-windows.ts";
import { windowIssue, windowsNow } from "../../../functions/rollout/windows.ts";
import type { Put } from "#core/apply-plan.ts";
import { rollout } from "../../support/rollout.ts";

const HOUR = 3_600_000;
const allow = (cron: string, forMs: number, timeZone = "Europe/Berlin"): CalendarWindow => ({
  kind: "allow",
  cron,
  forMs,
  timeZone,
});
const at = (text: string) => Date.parse(text);
const verdict = (window: CalendarWindow, moment: string) =>
  windowsNow(rollout({ windows: [window] }), at(moment))[0];

describe("windowsNow", () => {
  const office = allow("0 9 * * 1-5", 8 * HOUR);

  it.each([
    ["nine in Berlin, in winter", "2026-01-14T08:00:00Z", undefined],
    ["a moment before", "2026-01-14T07:59:59.999Z", "2026-01-14T08:00:00Z"],
    ["nine in Berlin, in summer", "2026-07-15T07:00:00Z", undefined],
    ["eight hours later", "2026-07-15T15:00:00Z", "2026-07-16T07:00:00Z"],
    ["a Friday evening", "2026-07-17T18:00:00Z", "2026-07-20T07:00:00Z"],
  ])("%s: %s", (_, moment, until) => {
    const expected = until === undefined ? { open: true } : { open: false, until: at(until) };
    expect(verdict(office, moment)).toEqual(expected);
  });

  it("opens at the end of the hour that spring leaves out", () => {
    const night = allow("30 2 * * *", HOUR);
    expect(verdict(night, "2026-03-29T00:59:59Z")).toEqual({
      open: false,
      until: at("2026-03-29T01:00:00Z"),
    });
    expect(verdict(night, "2026-03-29T01:59:59Z")).toEqual({ open: true });
    expect(verdict(night, "2026-03-29T02:00:00Z")).toEqual({
      open: false,
      until: at("2026-03-30T00:30:00Z"),
    });
  });

  it("opens once where autumn repeats an hour, and lasts as long as it says", () => {
    const night = allow("30 2 * * *", HOUR);
    expect(verdict(night, "2026-10-25T00:30:00Z")).toEqual({ open: true });
    expect(verdict(night, "2026-10-25T01:30:00Z")).toEqual({
      open: false,
      until: at("2026-10-26T01:30:00Z"),
    });
  });

  it("lasts over a change of the clocks: eight hours are eight hours", () => {
    const long = allow("0 22 * * 6", 8 * HOUR);
    expect(verdict(long, "2026-03-29T04:59:59Z")).toEqual({ open: true });
    expect(verdict(long, "2026-03-29T05:00:00Z")).toMatchObject({ open: false });
    expect(verdict(long, "2026-10-25T03:59:59Z")).toEqual({ open: true });
    expect(verdict(long, "2026-10-25T04:00:00Z")).toMatchObject({ open: false });
  });

  it("takes a stage's own instead of the rollout's", () => {
    const [stage] = rollout().stages;
    if (stage === undefined) throw new Error("no stage");
    const now = at("2026-07-18T12:00:00Z");
    const of = (windows: CalendarWindow[]) =>
      windowsNow(rollout({ windows: [office], stages: [{ ...stage, windows }] }), now);
    expect(of([])).toEqual([undefined]);
    expect(of([allow("0 12 * * 6", HOUR, "UTC")])).toEqual([{ open: true }]);
  });

  it("keeps clusters where they are when it cannot read what stands there", () => {
    expect(verdict({ ...office, kind: "deny", timeZone: "Mars/Base" }, "2026-07-15T12:00:00Z")).toEqual({
      open: false,
    });
  });
});

describe("a window that no calendar knows", () => {
  it.each([
    ["61 * * * *", "UTC", "pattern 61 * * * * cannot be read: Invalid value for minute"],
    ["0 0 31 2 *", "UTC", "never comes"],
    ["0 9 * * *", "Mars/Base", "time zone Mars/Base is not known"],
  ])("%s in %s is told", (cron, timeZone, words) => {
    expect(windowIssue({ cron, timeZone })).toContain(words);
  });

  it("is refused when it is applied, with its place", () => {
    const resource = appSchema.parse({
      apiVersion: "fairlead.dev/v1",
      kind: "App",
      metadata: { name: "shop", project: "web" },
      spec: {
        source: "fleet",
        clusters: {},
        rollout: {
          windows: [{ allow: "0 9 * * *", for: "8h" }],
          stages: [{ name: "canary", clusters: {}, windows: [{ deny: "0 9 * * 8-9", for: "1h" }] }],
        },
      },
    });
    const put: Put = {
      change: {
        kind: "put",
        place: "document 1",
        resource,
        before: undefined,
        outcome: "created",
        managedBy: undefined,
        diff: { changes: [], more: 0 },
      },
      refusal: undefined,
    };
    const [refused] = refuseWindows([put]);
    expect(refused?.refusal?.message).toContain(
      "document 1: App shop: spec.rollout.stages[0].windows[0]: pattern 0 9 * * 8-9 cannot be read",
    );
  });
});
