import { describe, expect, it } from "vitest";
import { command, COMMANDS, type CommandKind, type Rollout } from "#core/rollout.ts";
import { rollout, stage } from "../../support/rollout.ts";

const NOW = 1_000;
const tell = (now: Rollout, kind: CommandKind, by = "user:ada", reason?: string) =>
  command(now, { kind, by, reason }, NOW);
const waiting = rollout({
  stages: [stage("eu", 0, 4, { approval: "before" })],
  state: { kind: "running", step: { kind: "approval", when: "before", since: 1 } },
  by: "user:ada",
});

describe("command", () => {
  it("approves once, and not by who made the release", () => {
    expect(tell(waiting, "approve")).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("somebody else"),
    });
    const done = tell(waiting, "approve", "user:eve");
    expect(done).toMatchObject({
      next: { approvals: [{ stage: "eu", when: "before", by: "user:eve", at: NOW }] },
    });
    // Two people at once, before the step that follows: one yes is enough.
    if (done.kind === "done") expect(tell(done.next, "approve", "user:bob")).toEqual({ kind: "already" });
    expect(tell(rollout(), "approve", "user:eve")).toMatchObject({ kind: "refused" });
  });

  it("rejects as the App says: it halts until a person goes on, or it goes back", () => {
    expect(tell(waiting, "reject", "user:eve", "not on a Friday")).toMatchObject({
      next: { state: { kind: "halted", reason: "rejected by user:eve: not on a Friday", by: "user:eve" } },
    });
    expect(tell({ ...waiting, onFailure: "rollback" }, "reject", "user:eve")).toMatchObject({
      next: { state: { kind: "rolling-back" }, fence: 2 },
    });
  });

  it("asks a yes to what would vanish of somebody who is no author of it; a no ends it", () => {
    const reason = "it would delete 25 objects";
    const held = rollout({ state: { kind: "withheld", since: 1, reason, authors: ["user:ada"] } });
    expect(tell(held, "approve")).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("somebody else"),
    });
    const done = tell(held, "approve", "user:eve");
    expect(done).toMatchObject({
      next: { state: { kind: "withheld", approved: { by: "user:eve", at: NOW } } },
    });
    expect(tell(done.kind === "done" ? done.next : held, "approve", "user:bob")).toEqual({ kind: "already" });
    expect(tell({ ...held, onFailure: "rollback" }, "reject", "user:eve", "no")).toMatchObject({
      next: { state: { kind: "aborted", by: "user:eve", reason: "rejected by user:eve: no" } },
    });
    for (const kind of ["pause", "resume", "retry", "skip-stage"] as const)
      expect(tell(held, kind, "user:eve").kind).toBe("refused");
  });

  it("skips a soak, never an approval", () => {
    const soaking = rollout({
      state: { kind: "running", step: { kind: "soaking", since: 0, until: 9_000 } },
    });
    expect(tell(soaking, "skip-stage")).toMatchObject({ next: { state: { step: { until: NOW } } } });
    expect(tell(waiting, "skip-stage")).toMatchObject({ kind: "refused" });
  });

  it("pauses and goes on; the same again is no change", () => {
    const paused = tell(rollout(), "pause");
    expect(paused).toMatchObject({ next: { state: { kind: "paused", by: "user:ada", at: NOW } } });
    if (paused.kind !== "done") throw new Error("not paused");
    expect(tell(paused.next, "pause")).toEqual({ kind: "already" });
    expect(tell(paused.next, "resume")).toMatchObject({ next: { state: { kind: "running" } } });
  });

  it("gives failed clusters their time again", () => {
    const halted = rollout({ released: 1, out: [0], failed: [0], state: { kind: "halted", reason: "x" } });
    expect(tell(halted, "retry")).toMatchObject({
      next: { failed: [], out: [0], retriedAt: NOW, state: { kind: "running" } },
    });
    expect(tell(rollout(), "retry")).toMatchObject({ kind: "refused" });
  });

  it("fences off what is on its way when it ends or goes back", () => {
    expect(tell(rollout(), "abort")).toMatchObject({
      next: { fence: 2, state: { kind: "aborted", by: "user:ada" } },
    });
    expect(tell(rollout(), "rollback")).toMatchObject({
      next: { fence: 2, state: { kind: "rolling-back" } },
    });
  });

  it("unpins only what is pinned", () => {
    expect(tell(rollout(), "unpin")).toMatchObject({ kind: "refused" });
    const pinned = rollout({ pinned: true, state: { kind: "rolled-back", at: 1, reason: "x" } });
    const done = tell(pinned, "unpin");
    expect(done.kind === "done" && "pinned" in done.next).toBe(false);
  });

  it("moves nothing of a release that another one replaced", () => {
    const gone = rollout({ state: { kind: "superseded", at: 1, by: 3 } });
    for (const kind of COMMANDS) expect([kind, tell(gone, kind).kind]).toEqual([kind, "refused"]);
  });
});
