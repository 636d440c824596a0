/** Promoting by the API, and whose yes counts where a stage asks for certain people. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Rule } from "#core/access.ts";
import type { Actor } from "#core/actor.ts";
import { rolloutSchema, type Rollout, type Stage } from "#core/rollout.ts";
import { commandRollout } from "../../../functions/rollout/command.ts";
import { getRollout, putRollout } from "../../../functions/store/rollout.ts";
import { apiHub, ask, refused, type ApiHub } from "../../support/api-hub.ts";
import { apiToken } from "../../support/caller.ts";

const PROMOTE = "/v1/projects/default/apps/shop/rollouts/1/promote";
let hub: ApiHub;
let deployer: string;

beforeAll(async () => {
  hub = await apiHub();
  const rules: Rule[] = [{ verbs: ["read", "deploy"], nouns: ["apps", "rollouts"] }];
  deployer = await apiToken(hub.db, { project: "default", name: "deployer", rules, now: hub.now() });
  const lead = {
    role: "lead",
    rules: [{ verbs: ["approve"], nouns: ["rollouts"] }],
    members: [{ group: "ops" }],
  };
  await hub.apply({ kind: "Project", metadata: { name: "default" }, spec: { roles: [lead] } });
}, 900_000);
afterAll(() => hub?.stop());

/** Release 1 again at its start, with one stage that asks for this. */
async function begin(change: Partial<Stage>): Promise<void> {
  const now = await read();
  const { promoted: _, stamp: _stamp, ...rest } = now;
  const stages = [{ name: "eu", from: 0, to: 1, maxUnavailable: 1, ...change }];
  const state: Rollout["state"] = { kind: "running", step: { kind: "approval", when: "before", since: 1 } };
  const fresh = {
    ...rest,
    stages,
    state,
    stage: 0,
    released: 0,
    moved: 0,
    out: [],
    later: [],
    approvals: [],
  };
  expect(await putRollout(hub.db, fresh)).not.toBe("lost");
}

async function read(): Promise<Rollout> {
  const rollout = await getRollout(hub.db, "default", "shop", 1);
  if (rollout === undefined) throw new Error("no rollout");
  return rollout;
}

const promote = (token: string, body: object = { reason: "a hotfix" }) => ({
  method: "POST",
  url: PROMOTE,
  token,
  body,
});

describe("POST …/promote", () => {
  it("asks for the right to approve where approvals are left, and for a reason", async () => {
    await begin({ approval: "before" });
    expect(await refused(hub, promote(deployer), 403)).toMatchObject({ code: "forbidden" });
    expect((await refused(hub, promote(hub.tokens.admin, {}), 400)).detail).toContain("give a reason");
    expect((await read()).promoted).toBeUndefined();
    await begin({});
    expect((await ask(hub.api, promote(deployer))).status).toBe(200);
  });

  it("gives the approval, and the rollout goes on at once; told twice it is the same", async () => {
    await begin({ approval: "before", soakMs: 600_000 });
    for (let times = 0; times < 2; times++) {
      const answer = await ask(hub.api, promote(hub.tokens.admin));
      expect(answer.status).toBe(200);
      expect(rolloutSchema.parse(await answer.json())).toMatchObject({
        promoted: { by: "token:fairlead/admin" },
        approvals: [{ stage: "eu", by: "token:fairlead/admin" }],
        stamp: { why: "a hotfix" },
        released: 1,
      });
    }
  });
});

describe("approve, where a stage names who", () => {
  const person = (user: string, ...groups: string[]): Actor => ({
    kind: "user",
    issuer: "https://login.example.com",
    subject: user,
    user,
    groups,
  });
  const say = (actor: Actor, by: string) =>
    commandRollout(hub, {
      project: "default",
      app: "shop",
      release: 1,
      command: "approve",
      stamp: { by },
      actor,
    });

  it("counts those of the Project's role, each once, until there are enough", async () => {
    await begin({ approval: "before", approvers: { count: 2, by: [{ role: "lead" }] } });
    expect(await say(person("ada"), "user:ada")).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("only role lead may approve it"),
    });
    await say(person("eve", "ops"), "user:eve");
    await say(person("eve", "ops"), "user:eve");
    expect(await read()).toMatchObject({ released: 0, approvals: [{ by: "user:eve" }] });
    await say(person("bob", "ops"), "user:bob");
    expect(await read()).toMatchObject({ released: 1, approvals: [{ by: "user:eve" }, { by: "user:bob" }] });
  });

  it("counts no API token where several people are asked", async () => {
    await begin({ approval: "before", approvers: { count: 2 } });
    const url = PROMOTE.replace("promote", "approve");
    const answer = await refused(hub, { method: "POST", url, token: hub.tokens.admin, body: {} }, 409);
    expect(answer.detail).toContain("2 people have to approve it");
  });
});
