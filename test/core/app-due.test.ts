import { describe, expect, it } from "vitest";
import { isAppDue, isFolderDue, LOOK_RETRY_MS, type AppFacts } from "#core/app-due.ts";

const NOW = 1_800_000_000_000;
const record = { commit: "c1", epoch: 1, lookedAt: NOW - 1_000 };
const atRest: AppFacts = { deleting: false, commit: "c1", epoch: 1, record };
const due = (facts: Partial<AppFacts>): boolean => isAppDue({ ...atRest, ...facts }, NOW);

describe("isAppDue", () => {
  it("lets an App at rest be", () => {
    expect(due({})).toBe(false);
  });

  it("is asked for by what was not looked at: no record, another commit, another epoch", () => {
    expect(due({ record: undefined })).toBe(true);
    expect(due({ commit: "c2" })).toBe(true);
    expect(due({ epoch: 2 })).toBe(true);
  });

  it("is asked for by who leaves, or wants to go back", () => {
    expect(due({ deleting: true })).toBe(true);
    expect(due({ record: { ...record, returnTo: { release: 1 } } })).toBe(true);
  });

  it("tries a failure again after five minutes, not before", () => {
    const error = { message: "no" };
    expect(due({ record: { ...record, error } })).toBe(false);
    expect(due({ record: { ...record, error, lookedAt: NOW - LOOK_RETRY_MS } })).toBe(true);
  });

  it("has nothing to look with while the Source was never read", () => {
    expect(due({ commit: undefined, record: undefined })).toBe(false);
    expect(due({ commit: undefined, deleting: true })).toBe(false);
  });
});

describe("isFolderDue", () => {
  const state = { commit: "c1", applied: 2, errors: [], errorsTotal: 0, at: NOW - 1_000 };
  const folder = (change: object, commit: string | undefined = "c1"): boolean =>
    isFolderDue({ commit, state: { ...state, ...change } }, NOW);

  it("is due for a commit that was not synced, and for what failed five minutes ago", () => {
    expect(folder({})).toBe(false);
    expect(folder({}, "c2")).toBe(true);
    expect(isFolderDue({ commit: "c1", state: undefined }, NOW)).toBe(true);
    expect(isFolderDue({ commit: undefined, state: undefined }, NOW)).toBe(false);
    expect(folder({ errorsTotal: 1 })).toBe(false);
    expect(folder({ errorsTotal: 1, at: NOW - LOOK_RETRY_MS })).toBe(true);
  });
});
