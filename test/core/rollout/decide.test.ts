import { describe, expect, it } from "vitest";
import { decide, type ObservedTarget, type Rollout } from "#core/rollout.ts";
import {
  available,
  broken,
  failed,
  moving,
  owed,
  ready,
  rollout,
  row,
  seen,
  silent,
  stage,
} from "../../support/rollout.ts";

const NOW = 1_000_000;
const look = (now: Rollout, targets: ObservedTarget[], at = NOW) => decide(now, { targets }, at);

describe("decide", () => {
  it("asks to see the next ranks before it releases any", () => {
    const { next, effects } = look(rollout(), []);
    expect(next.released).toBe(0);
    expect(effects).toEqual([{ kind: "look", from: 0, to: 4, room: 2 }]);
  });

  it("releases up to maxUnavailable and owes the assignments", () => {
    const { next, effects } = look(rollout(), row(0, ready, ready, ready));
    expect(next).toMatchObject({ released: 2, out: [0, 1] });
    expect(effects).toEqual([{ kind: "assign", from: 0, to: 2, fence: 1 }]);
  });

  it("counts a released rank as unavailable before its assignment is written, and owes it again", () => {
    const now = rollout({ released: 2, out: [0, 1] });
    const { next, effects } = look(now, [...row(0, owed, moving), ...row(2, ready)]);
    expect(next.released).toBe(2);
    expect(effects).toEqual([{ kind: "assign", from: 0, to: 1, fence: 1 }]);
  });

  it("moves on by as many as became available, in whatever order they do", () => {
    const now = rollout({ released: 2, out: [0, 1] });
    const { next } = look(now, [seen(1, available), ...row(2, ready, ready)]);
    expect(next).toMatchObject({ settled: 0, released: 3, out: [0, 2] });
  });

  it("changes nothing for a rank that nobody looked at", () => {
    const now = rollout({ released: 2, out: [0, 1] });
    expect(look(now, [])).toEqual({ next: now, effects: [] });
  });

  it("always moves a cluster forward that is unavailable anyway, and does not count it", () => {
    const now = rollout({ released: 2, out: [0, 1] });
    const { next } = look(now, row(2, broken, ready));
    expect(next).toMatchObject({ released: 3, out: [0, 1, 2], free: [2] });
  });

  it("holds to maxConcurrent whatever the health was", () => {
    const stages = [stage("rest", 0, 4, { maxUnavailable: 4, maxConcurrent: 2 })];
    expect(look(rollout({ stages }), row(0, broken, broken, broken, ready)).next.released).toBe(2);
  });

  it("passes a cluster by for which nothing changes, without budget", () => {
    const { next } = look(rollout(), row(0, available, available, ready, ready));
    expect(next).toMatchObject({ released: 4, out: [2, 3] });
  });

  it("passes a silent cluster by at its turn, and moves it when it is heard again", () => {
    const { next } = look(rollout({ total: 2 }), row(0, silent, ready));
    expect(next).toMatchObject({ released: 2, out: [1], later: [0] });
    const done = look(next, row(1, available)).next;
    expect(done).toMatchObject({ state: { kind: "succeeded", silent: 1 }, later: [0] });
    const back = look(done, row(0, ready));
    expect(back.next).toMatchObject({ out: [0], later: [], state: { kind: "succeeded", silent: 1 } });
    expect(back.effects).toEqual([{ kind: "assign", from: 0, to: 1, fence: 1 }]);
    expect(look(back.next, row(0, available)).next.state).toMatchObject({ silent: 0 });
  });

  it("moves those that return under the budget of their stage", () => {
    const now = rollout({
      released: 4,
      stage: 1,
      later: [0, 1, 2, 3],
      state: { kind: "succeeded", at: 1, silent: 4 },
    });
    expect(look(now, row(0, ready, ready, ready, ready)).next).toMatchObject({ out: [0, 1], later: [2, 3] });
  });

  it("no longer counts a cluster that fell silent before it took what it was given", () => {
    const now = rollout({ released: 2, out: [0, 1] });
    expect(look(now, [seen(0, silent), ...row(2, ready)]).next).toMatchObject({
      released: 3,
      out: [1, 2],
      later: [0],
    });
  });

  it("succeeds at once where there is no cluster", () => {
    expect(look(rollout({ total: 0, stages: [] }), []).next.state.kind).toBe("succeeded");
  });

  it.each(["superseded", "aborted", "rolled-back", "pending"] as const)("never moves what is %s", (kind) => {
    const state = { kind, at: 1, by: 3, after: 1, reason: "" } as unknown as Rollout["state"];
    const over = rollout({ state, released: 1, out: [0] });
    expect(look(over, row(0, available, ready))).toEqual({ next: over, effects: [] });
  });

  it("books what it sees while it is paused, and releases nothing", () => {
    const paused = rollout({ released: 1, out: [0], state: { kind: "paused", by: "user:ada", at: 1 } });
    const { next } = look(paused, row(0, available, ready));
    expect(next).toMatchObject({ released: 1, out: [], state: { kind: "paused" } });
  });
});

describe("stages", () => {
  const stages = [
    stage("canary", 0, 1, { soakMs: 1_000, approval: "after" }),
    stage("eu", 1, 3, { maxUnavailable: 2, approval: "before" }),
  ];
  const start = rollout({ total: 3, stages });

  it("open one after the other, each after its gates", () => {
    let now = look(start, row(0, ready, ready, ready)).next;
    expect(now).toMatchObject({ stage: 0, out: [0], state: { kind: "running" } });
    now = look(now, row(0, available, ready)).next;
    expect(now.state).toEqual({ kind: "running", step: { kind: "soaking", since: NOW, until: NOW + 1_000 } });
    now = look(now, row(1, ready), NOW + 999).next;
    expect(now.state).toMatchObject({ step: { kind: "soaking" } });
    now = look(now, row(1, ready), NOW + 1_000).next;
    expect(now.state).toMatchObject({ step: { kind: "approval", when: "after" } });
    now = { ...now, approvals: [{ stage: "canary", when: "after", by: "user:eve", at: NOW }] };
    now = look(now, row(1, ready), NOW + 2_000).next;
    expect(now).toMatchObject({ stage: 1, out: [], state: { step: { kind: "approval", when: "before" } } });
    now = { ...now, approvals: [...now.approvals, { stage: "eu", when: "before", by: "user:eve", at: NOW }] };
    now = look(now, row(1, ready, ready), NOW + 2_000).next;
    expect(now).toMatchObject({ stage: 1, out: [1, 2], state: { kind: "running" } });
  });

  it("soak anew when a cluster does not stay available", () => {
    const soaking = { kind: "soaking", since: NOW, until: NOW + 1_000 } as const;
    const now = rollout({
      total: 3,
      stages,
      released: 1,
      moved: 1,
      state: { kind: "running", step: soaking },
    });
    const broken = look(now, row(0, moving), NOW + 900).next;
    expect(broken).toMatchObject({ out: [0], state: { kind: "running" } });
    expect(look(broken, row(0, available), NOW + 5_000).next.state).toMatchObject({
      step: { kind: "soaking", until: NOW + 6_000 },
    });
  });

  it("keep their gates although no cluster is in them: the label may be a slip", () => {
    const empty = [stage("canary", 0, 0, { approval: "after" }), stage("rest", 0, 1)];
    expect(look(rollout({ total: 1, stages: empty }), row(0, ready)).next).toMatchObject({
      stage: 0,
      out: [],
      state: { step: { kind: "approval", when: "after" } },
    });
  });

  it("keep their gates where all of their clusters were silent: nobody has tried the release", () => {
    const stages = [stage("canary", 0, 1, { approval: "after" }), stage("rest", 1, 2)];
    expect(look(rollout({ total: 2, stages }), row(0, silent, ready)).next).toMatchObject({
      stage: 0,
      out: [],
      later: [0],
      state: { step: { kind: "approval", when: "after" } },
    });
  });

  it("wait for nothing where nothing changes for any of their clusters", () => {
    expect(look(start, row(0, available, ready)).next).toMatchObject({ stage: 1 });
  });

  it("do not begin outside their window; what moves already finishes", () => {
    const windows = [{ open: false, until: NOW + 500 }];
    const closed = decide(rollout(), { targets: row(0, ready), windows }, NOW).next;
    expect(closed).toMatchObject({ out: [], state: { step: { kind: "window", until: NOW + 500 } } });
    const under = rollout({ released: 1, out: [0] });
    expect(decide(under, { targets: row(0, available), windows }, NOW).next.out).toEqual([]);
  });
});

describe("failures", () => {
  const under = { released: 2, out: [0, 1] };

  it("halt the rollout with the cluster's own sentence, and nothing more is released", () => {
    const { next } = look(rollout(under), [...row(0, available, failed), seen(2, ready)]);
    expect(next).toMatchObject({ released: 2, state: { kind: "halted", reason: "c1: image not found" } });
  });

  it("let it go on when the failed cluster healed", () => {
    const halted = rollout({
      released: 2,
      out: [1],
      failed: [1],
      state: { kind: "halted", reason: "c1: x" },
    });
    const { next } = look(halted, [seen(1, available), ...row(2, ready, ready)]);
    expect(next).toMatchObject({ failed: [], out: [2, 3], state: { kind: "running" } });
  });

  it("are tolerated below maxFailures, and told at the end", () => {
    const now = rollout({ ...under, total: 2, maxFailures: 2 });
    expect(look(now, row(0, available, failed)).next.state).toEqual({
      kind: "succeeded",
      at: NOW,
      silent: 0,
      failed: 1,
    });
  });

  it("stop it when they use up the whole budget: nothing would ever move again", () => {
    const stages = [stage("rest", 0, 4)];
    const now = rollout({ released: 1, out: [0], maxFailures: 3, stages });
    expect(look(now, row(0, failed, ready)).next.state.kind).toBe("halted");
  });

  it("of an earlier stage stop it too", () => {
    const stages = [stage("canary", 0, 1), stage("rest", 1, 4)];
    const now = rollout({ released: 2, out: [1], stage: 1, stages });
    expect(look(now, row(0, failed)).next.state).toMatchObject({ kind: "halted" });
  });

  it("send it back where that is asked for, and the fence grows", () => {
    const { next, effects } = look(rollout({ ...under, onFailure: "rollback" }), row(0, available, failed));
    expect(next).toMatchObject({ fence: 2, state: { kind: "rolling-back", reason: "c1: image not found" } });
    expect(effects).toEqual([]);
  });
});

describe("the way back", () => {
  const back = {
    targets: "b",
    total: 4,
    failing: 2,
    maxUnavailable: 1,
    released: 0,
    out: [],
    failed: [],
    stay: 0,
  };
  const state = { kind: "rolling-back", reason: "c1: x", since: 0 } as const;
  const start = rollout({ fence: 2, state, back });

  it("waits for its list", () => {
    const { back: _, ...without } = start;
    expect(look(without, [], 59_999).next).toEqual(without);
    expect(look(without, [], 60_000).next.state).toMatchObject({ asked: 60_000 });
  });

  it("takes those that fail at once, the others under maxUnavailable", () => {
    const { next, effects } = look(start, []);
    expect(next.back).toMatchObject({ released: 3, out: [0, 1, 2] });
    expect(effects).toEqual([{ kind: "assign", from: 0, to: 3, fence: 2 }]);
    expect(look(next, row(2, available)).next.back).toMatchObject({ released: 4, out: [0, 1, 3] });
  });

  it("ends when all are back, pinned; a silent or failing one does not hold it up", () => {
    const now = { ...start, back: { ...back, released: 4, out: [0, 1, 2, 3] } };
    const { next } = look(now, row(0, available, silent, failed, available));
    expect(next).toMatchObject({ pinned: true, state: { kind: "rolled-back", reason: "c1: x", at: NOW } });
  });
});
