import { describe, expect, it } from "vitest";
import { judge, type Seen } from "../../cli/rollout-seen.ts";
import { app, fleet, release, rollout } from "../functions/dashboard/fleet-fixture.ts";

const OTHER = "1".repeat(40);

/** Releases and rollouts by number, newest first; `state` is the App's. */
function seen(
  numbers: number[],
  state: object = {},
  rollouts: unknown[] = numbers.map((n) => rollout("shop", n, 3, 3, { kind: "succeeded", at: 1, silent: 0 })),
): Seen {
  const releases = numbers.map((n) => release("shop", n, `change ${n}`));
  const parsed = rollouts.map(
    (one) =>
      fleet({ apps: [{ app: app("shop"), releases: [], rollout: one, placements: [] }] }).apps[0]?.rollout,
  );
  const view = fleet({
    apps: [{ app: app("shop", { release: numbers[0] ?? 0, ...state }), releases, placements: [] }],
  }).apps[0];
  if (view === undefined) throw new Error("the fixture holds no App");
  return { app: view.app, releases: view.releases, rollouts: parsed.filter((one) => one !== undefined) };
}

describe("judge, the newest release", () => {
  it("finds its rollout", () => {
    expect(judge(seen([3, 2]), { kind: "newest" })).toMatchObject({
      kind: "found",
      rollout: { release: 3 },
      release: { message: "change 3" },
    });
  });

  it("waits for a release that has no rollout yet, and for the first release", () => {
    expect(judge(seen([3], {}, []), { kind: "newest" })).toEqual({
      kind: "waiting",
      why: "release 3 is about to start",
    });
    expect(judge(seen([]), { kind: "newest" })).toEqual({ kind: "waiting", why: "no release yet" });
  });

  it("is refused when the first commit of all failed", () => {
    const judged = judge(
      seen([], { error: { commit: OTHER, message: "does not parse", file: "a.yaml", line: 3 } }),
      { kind: "newest" },
    );
    expect(judged).toMatchObject({
      kind: "refused",
      message: "commit 1111111 made no release of App shop: a.yaml:3: does not parse",
    });
  });
});

describe("judge, a release by number", () => {
  it("waits for one to come, and refuses one that the hub dropped", () => {
    expect(judge(seen([3]), { kind: "release", release: 4 }).kind).toBe("waiting");
    expect(judge(seen([3]), { kind: "release", release: 1 }).kind).toBe("refused");
    expect(judge(seen([3, 2]), { kind: "release", release: 2 })).toMatchObject({
      kind: "found",
      rollout: { release: 2 },
    });
  });
});

describe("judge, the release of a commit", () => {
  const commit = seen([3]).releases[0]?.commit ?? "";

  it("finds it by the full id and by a short one", () => {
    for (const asked of [commit, commit.slice(0, 7), commit.toUpperCase()])
      expect(judge(seen([3, 2]), { kind: "commit", commit: asked })).toMatchObject({
        kind: "found",
        rollout: { release: 3 },
      });
  });

  // What would break: `git push && fairlead rollout status --wait` would report the release before it as this one's.
  it("waits while the hub has not looked at the commit, however well the release before it does", () => {
    expect(judge(seen([3, 2]), { kind: "commit", commit: OTHER }).kind).toBe("waiting");
  });

  it("is refused with file, line and reason when that commit failed, though an older release runs", () => {
    const error = {
      commit: OTHER,
      message: "mapping values are not allowed here",
      file: "apps/shop/web.yaml",
      line: 7,
    };
    const judged = judge(seen([3], { commit: OTHER, error }), { kind: "commit", commit: OTHER });
    expect(judged).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("apps/shop/web.yaml:7: mapping values"),
    });
    expect(judged.kind === "refused" && judged.fix).toContain("release 3 keeps running");
  });

  it("ignores the error of another commit", () => {
    const error = { commit: OTHER, message: "no" };
    expect(judge(seen([3], { error }), { kind: "commit", commit })).toMatchObject({
      kind: "found",
      rollout: { release: 3 },
    });
  });

  it("takes the standing release for a commit that changes nothing of the App, and says so", () => {
    const judged = judge(seen([3], { commit: OTHER }), { kind: "commit", commit: OTHER });
    expect(judged).toMatchObject({
      kind: "found",
      rollout: { release: 3 },
      note: "commit 1111111 changes nothing of this App: release 3 stays",
    });
  });
});
