import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { POLL_BACKOFF_MS_MAX, POLL_STRETCHED_MS_MAX, pollDueAt, type Watched } from "#core/poll.ts";
import { askedOf, sourceSchema, type Source, type SourceState } from "#core/source.ts";

const T = 1_800_000_000_000;
const sourceOf = (spec: object = {}, name = "fleet"): Source =>
  sourceSchema.parse({
    apiVersion: "fairlead.dev/v1",
    kind: "Source",
    metadata: { name },
    spec: { git: { url: "https://git.example.com/fleet.git" }, ...spec },
  });
const source = sourceOf();
const read: SourceState = {
  kind: "read",
  commit: "c",
  author: "a",
  email: "e",
  message: "m",
  committedAt: 1,
  tree: "t",
  at: T - 86_400_000,
};
const failed = (attempts: number, at = T): SourceState => ({
  kind: "failed",
  code: "x",
  message: "x",
  at,
  attempts,
});
const watched = (parts: Partial<Watched>): Watched => ({
  source,
  state: read,
  looked: { at: T, nudge: undefined },
  nudge: undefined,
  credentialAt: undefined,
  ...parts,
});
/** Milliseconds from T until it is due. */
const wait = (parts: Partial<Watched>): number => pollDueAt(watched(parts)) - T;
/** The same without the share that jitter takes off. */
const interval = (parts: Partial<Watched>): number => Math.round((wait(parts) / wait({})) * 60_000);

describe("pollDueAt", () => {
  it("is at once for what was never looked at, and for what this process does not remember", () => {
    expect(pollDueAt(watched({ state: undefined, looked: undefined }))).toBe(0);
    expect(pollDueAt(watched({ looked: undefined }))).toBe(0);
  });

  it("is the Source's interval, never later, and at most a tenth earlier, always the same for one name", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 86_400 }),
        fc.stringMatching(/^[a-z]{1,10}$/),
        (seconds, name) => {
          const ms = wait({ source: sourceOf({ poll: `${seconds}s` }, name) });
          expect(ms).toBeLessThanOrEqual(seconds * 1000);
          expect(ms).toBeGreaterThanOrEqual(seconds * 900);
          expect(wait({ source: sourceOf({ poll: `${seconds}s` }, name) })).toBe(ms);
        },
      ),
    );
  });

  it("doubles with each failure in a row, up to 15 minutes, and is never sooner than the interval", () => {
    const waits = [1, 2, 3, 4, 5, 30].map((attempts) => interval({ state: failed(attempts) }));
    expect(waits).toEqual([2, 4, 8, 15, 15, 15].map((minutes) => minutes * 60_000));
    expect(POLL_BACKOFF_MS_MAX).toBe(15 * 60_000);
    expect(interval({ source: sourceOf({ poll: "1h" }), state: failed(3) })).toBe(3_600_000);
    expect(wait({ source: sourceOf({ poll: "1s" }), state: failed(100) })).toBeGreaterThan(0);
  });

  it("keeps the distance after a failure also in a process that remembers nothing", () => {
    expect(wait({ looked: undefined, state: failed(1) })).toBeGreaterThan(100_000);
  });

  it("stretches to ten times, at most ten minutes, once a webhook was seen", () => {
    const looked = { at: T, nudge: T - 5 };
    expect(interval({ looked, nudge: T - 5 })).toBe(POLL_STRETCHED_MS_MAX);
    expect(interval({ looked, nudge: T - 5, source: sourceOf({ poll: "10s" }) })).toBe(100_000);
    expect(interval({ looked, nudge: T - 5, source: sourceOf({ poll: "1h" }) })).toBe(3_600_000);
  });

  it("is at once after a nudge that was not known at the last look, whatever clock wrote it, also while failing", () => {
    for (const nudge of [T + 1, T - 3000])
      for (const state of [read, failed(9)]) expect(pollDueAt(watched({ nudge, state }))).toBe(0);
    expect(pollDueAt(watched({ looked: undefined, state: failed(9), nudge: T + 1 }))).toBe(0);
  });

  it("is at once when the Source asks for something else, or its credential was stored after the failure", () => {
    const asked = askedOf(source);
    const edited = sourceOf({ git: { url: "https://git.example.com/fleet.git", ref: { branch: "next" } } });
    expect(pollDueAt(watched({ state: { ...read, asked }, source: edited }))).toBe(0);
    expect(wait({ state: { ...read, asked } })).toBeGreaterThan(0);
    expect(pollDueAt(watched({ state: failed(9), credentialAt: T + 1 }))).toBe(0);
    expect(wait({ state: failed(9), credentialAt: T - 1 })).toBeGreaterThan(0);
    expect(wait({ credentialAt: T + 1 })).toBeGreaterThan(0);
  });
});
