import { describe, expect, it } from "vitest";
import type { Actor } from "#core/actor.ts";
import { approvalOf, approvalSpecSchema, approverRefusal } from "#core/approval.ts";
import type { Binding } from "#core/access.ts";
import { command, stateWords, timelineOf, type Rollout } from "#core/rollout.ts";
import { rollout, stage } from "../support/rollout.ts";

const person = (user: string, ...groups: string[]): Actor => ({
  kind: "user",
  issuer: "https://login.example.com",
  subject: user,
  user,
  groups,
});
const token: Actor = { kind: "token", id: "1", name: "ci", project: "web" };
const leads: Binding = {
  role: "leads",
  rules: [{ verbs: ["approve"], nouns: ["rollouts"] }],
  members: [{ group: "ops" }],
};
const refusal = (spec: unknown, actor: Actor) => {
  const { approvers } = approvalOf(approvalSpecSchema.parse(spec));
  return approvers === undefined ? undefined : approverRefusal(approvers, actor, [leads]);
};

describe("approval", () => {
  it("is short or long; required is before", () => {
    const frozen = (spec: unknown) => approvalOf(approvalSpecSchema.parse(spec));
    expect(frozen("required")).toEqual({ approval: "before" });
    expect(frozen("after")).toEqual({ approval: "after" });
    expect(frozen({ count: 2 })).toEqual({ approval: "before", approvers: { count: 2 } });
    expect(frozen({ when: "after", by: [{ role: "leads" }] })).toEqual({
      approval: "after",
      approvers: { count: 1, by: [{ role: "leads" }] },
    });
    for (const bad of ["never", { count: 0 }, { count: 11 }, { by: [] }, { by: ["eve"] }, { by: [{}] }])
      expect(approvalSpecSchema.safeParse(bad).success).toBe(false);
  });

  it("counts the people, groups and roles that it names, and nobody else", () => {
    const by = [{ user: "eve" }, { group: "sec" }, { role: "leads" }];
    expect(refusal({ by }, person("eve"))).toBeUndefined();
    expect(refusal({ by }, person("bob", "sec"))).toBeUndefined();
    expect(refusal({ by }, person("bob", "ops"))).toBeUndefined();
    expect(refusal({ by }, person("bob", "dev"))).toBe("only user eve, group sec, role leads may approve it");
    expect(refusal({ by }, token)).toContain("only user eve");
  });

  // What would break: one person with two tokens would be two people.
  it("counts no API token where several people are asked", () => {
    expect(refusal({ count: 2 }, token)).toBe("2 people have to approve it, and this is none");
    expect(refusal({ count: 2 }, person("eve"))).toBeUndefined();
    expect(refusal({ count: 1 }, token)).toBeUndefined();
  });
});

describe("approve, where two have to", () => {
  const waiting = rollout({
    stages: [stage("eu", 0, 4, { approval: "before", approvers: { count: 2 } })],
    state: { kind: "running", step: { kind: "approval", when: "before", since: 1 } },
    by: "user:ada",
  });
  const say = (now: Rollout, by: string, refusalOf?: () => string | undefined) =>
    command(now, { kind: "approve", by, refusalOf }, 5);
  const yes = (now: Rollout, by: string): Rollout => {
    const done = say(now, by);
    if (done.kind !== "done") throw new Error(done.kind);
    return done.next;
  };

  it("counts each person once, and never who made the release", () => {
    const one = yes(waiting, "user:eve");
    expect(stateWords(one)).toBe("waits for approvals before stage eu: 1 of 2 approvals (user:eve)");
    expect(say(one, "user:eve")).toEqual({ kind: "already" });
    expect(say(one, "user:ada").kind).toBe("refused");
    const two = yes(one, "user:bob");
    expect(say(two, "user:zoe")).toEqual({ kind: "already" });
    expect(stateWords(waiting)).toBe("waits for approvals before stage eu: 0 of 2 approvals");
    expect(timelineOf(waiting, one, 5)?.what).toBe("approved before stage eu (1 of 2)");
    expect(timelineOf(one, two, 5)?.what).toBe("approved before stage eu (2 of 2)");
  });

  it("refuses who does not count there, with the reason", () => {
    expect(say(waiting, "user:eve", () => "only role leads may approve it")).toEqual({
      kind: "refused",
      message: "the yes of user:eve does not count: only role leads may approve it",
    });
  });
});
