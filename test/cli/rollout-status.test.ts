import type { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { Problem } from "#core/problem.ts";
import { app, cluster, fleet, placement, release, rollout } from "../functions/dashboard/fleet-fixture.ts";
import { fairlead, fixtureHub } from "./support.ts";

interface Says {
  state: object;
  releases: number[];
  rollouts: unknown[];
  placements: unknown[];
  away: boolean;
}

/** A hub whose answers on the App `shop` can change while a command runs. */
function shopHub(says: Partial<Says> = {}): { hub: Hono; says: Says } {
  const now: Says = { state: {}, releases: [3], rollouts: [], placements: [], away: false, ...says };
  const view = () => {
    const releases = now.releases.map((n) => release("shop", n, `change ${n}`));
    const [one] = fleet({
      clusters: [cluster("a")],
      apps: [
        {
          app: app("shop", { release: now.releases[0] ?? 0, ...now.state }),
          releases,
          placements: now.placements,
        },
      ],
    }).apps;
    if (one === undefined || now.away) throw new Error("the hub fails inside");
    return one;
  };
  const hub = fixtureHub();
  hub.get("/v1/projects/default/apps/shop", (context) => context.json(view().app));
  hub.get("/v1/projects/default/apps/shop/releases", (context) => context.json({ items: view().releases }));
  hub.get("/v1/projects/default/apps/shop/rollouts", (context) => context.json({ items: now.rollouts }));
  hub.get("/v1/projects/default/apps/shop/placements", (context) =>
    context.json({ items: view().placements }),
  );
  hub.get("/v1/projects/default/apps/:none", () => {
    throw new Problem("not-found", "there is no App nope in project default");
  });
  return { hub, says: now };
}

const running = (settled: number) => rollout("shop", 3, 3, settled);
const succeeded = rollout("shop", 3, 3, 3, { kind: "succeeded", at: 1, silent: 0 });
const halted = rollout("shop", 3, 3, 1, {
  kind: "halted",
  reason: "a: Deployment shop/web: image cannot be pulled",
});
const status = (...more: string[]) => ["rollout", "status", "shop", ...more];

describe("fairlead rollout status", () => {
  it("prints where it stands and does not wait", async () => {
    const { hub } = shopHub({
      rollouts: [running(1)],
      placements: [
        placement("shop", "a", 3),
        placement("shop", "b", 3, { phase: "progressing", message: "1 of 3 replicas" }),
      ],
    });
    const ran = await fairlead(hub, status());
    expect(ran.code).toBe(0);
    expect(ran.out).toContain("shop release 3 running: 1 of 3 clusters, commit 4f1c0de change 3 (Ada Byron)");
    expect(ran.out).toMatch(/b\s+progressing\s+3\s+0\s+1 of 3 replicas/);
    expect(ran.out).not.toMatch(/^shop\s+a\s/m);
  });

  it("says what a stage waits for, and how many have said yes", async () => {
    const step = { kind: "approval", when: "before", since: 1 };
    const stages = [
      { name: "eu", from: 0, to: 3, maxUnavailable: 1, approval: "before", approvers: { count: 2 } },
    ];
    const approvals = [{ stage: "eu", when: "before", by: "user:eve", at: 1 }];
    const asks = { ...running(0), state: { kind: "running", step }, stages, stage: 0, approvals };
    const ran = await fairlead(shopHub({ rollouts: [asks] }).hub, status());
    expect(ran.out).toContain("\nwaits for approvals before stage eu: 1 of 2 approvals (user:eve)\n");
  });

  it("tells what each gate said, and how to have it judged again", async () => {
    const run = { stage: "canary", attempt: 1, failures: 1, inconclusive: 0 };
    const told = { kind: "fail", message: "0.07 is above 0.05", value: "0.07", at: 1, soaked: true };
    const gates = [
      { ...run, gate: "errors", told },
      { ...run, gate: "smoke", asked: { at: 1, soaked: true } },
    ];
    const reason = "gate errors of stage canary failed: 0.07 is above 0.05";
    const state = { kind: "halted", gate: "errors", reason };
    const ran = await fairlead(shopHub({ rollouts: [{ ...halted, state, gates }] }).hub, status());
    expect(ran.out).toMatch(/canary\s+errors\s+fail\s+0\.07 is above 0\.05/);
    expect(ran.out).toMatch(/canary\s+smoke\s+asked/);
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("fairlead rollout retry shop")]);
  });

  it("exits 1 with the reason and the fix when it is halted", async () => {
    const ran = await fairlead(shopHub({ rollouts: [halted] }).hub, status());
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(
      "error: release 3 of shop is halted: a: Deployment shop/web: image cannot be pulled",
    );
    expect(ran.err.trimEnd().split("\n").at(-1)).toMatch(/^fix: push a fix or revert/);
  });

  it("names what there is not", async () => {
    const ran = await fairlead(shopHub().hub, ["rollout", "status", "nope"]);
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("there is no App nope");
  });

  it("refuses two wishes at once, and what is no commit", async () => {
    expect((await fairlead(shopHub().hub, status("--release", "1", "--commit", "4f1c0de"))).code).toBe(2);
    const ran = await fairlead(shopHub().hub, status("--commit", "main"));
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining("7 to 40 hex digits")]);
  });
});

describe("fairlead rollout status --wait", () => {
  it("ends with 0 when the rollout succeeds, and told each step once on standard error", async () => {
    const { hub, says } = shopHub({ rollouts: [running(0)] });
    let slept = 0;
    const sleep = async () => {
      slept += 1;
      if (slept === 3) says.rollouts = [running(2)];
      if (slept === 5) says.rollouts = [succeeded];
    };
    const ran = await fairlead(hub, status("--wait"), { sleep });
    expect(ran.code).toBe(0);
    expect(ran.err.trim().split("\n")).toEqual([
      "shop: release 3 (4f1c0de) running, 0 of 3 clusters",
      "shop: release 3 (4f1c0de) running, 2 of 3 clusters",
    ]);
    expect(ran.out).toContain("shop release 3 succeeded: 3 of 3 clusters");
  });

  it("ends with 1 when it halts", async () => {
    const { hub, says } = shopHub({ rollouts: [running(0)] });
    const sleep = async () => void (says.rollouts = [halted]);
    expect((await fairlead(hub, status("--wait"), { sleep })).code).toBe(1);
  });

  it("ends with 124 and what it waited for when the time is up", async () => {
    const ran = await fairlead(shopHub({ rollouts: [running(1)] }).hub, status("--wait", "--timeout", "10s"));
    expect(ran.code).toBe(124);
    expect(ran.err).toContain("not done within 10 s: release 3 (4f1c0de) running, 1 of 3 clusters");
  });

  it("waits for the release of a commit that the hub has not seen yet", async () => {
    const { hub, says } = shopHub({
      releases: [2],
      state: { commit: "b".repeat(40) },
      rollouts: [rollout("shop", 2, 3, 3, { kind: "succeeded", at: 1, silent: 0 })],
    });
    const sleep = async () => {
      says.state = {};
      says.releases = [3, 2];
      says.rollouts = [succeeded];
    };
    const ran = await fairlead(hub, status("--wait", "--commit", "4f1c0de"), { sleep });
    expect(ran.code).toBe(0);
    expect(ran.err).toContain("was not looked at yet");
    expect(ran.out).toContain("release 3 succeeded");
  });

  it("ends with 1 and file, line and reason when that commit makes no release", async () => {
    const { hub, says } = shopHub({ releases: [2], rollouts: [] });
    const commit = "c".repeat(40);
    const sleep = async () =>
      void (says.state = {
        commit,
        error: {
          commit,
          message: "mapping values are not allowed here",
          file: "apps/shop/web.yaml",
          line: 12,
        },
      });
    const ran = await fairlead(hub, status("--wait", "--commit", commit), { sleep });
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(
      "commit ccccccc made no release of App shop: apps/shop/web.yaml:12: mapping values are not allowed here",
    );
    expect(ran.err).toMatch(
      /fix: correct apps\/shop\/web\.yaml and push, or revert the commit; release 2 keeps running/,
    );
  });

  it("follows the newest release when a newer one replaces it, but not when one was asked for", async () => {
    const superseded = rollout("shop", 3, 3, 1, { kind: "superseded", at: 1, by: 4 });
    const { hub, says } = shopHub({ rollouts: [running(0)] });
    const sleep = async () => {
      says.releases = [4, 3];
      says.rollouts = [rollout("shop", 4, 3, 3, { kind: "succeeded", at: 1, silent: 0 }), superseded];
    };
    expect((await fairlead(hub, status("--wait"), { sleep })).code).toBe(0);
    const asked = await fairlead(hub, status("--wait", "--release", "3"));
    expect([asked.code, asked.err]).toEqual([1, expect.stringContaining("replaced by release 4")]);
  });

  it("outlasts a hub that is away for a while", async () => {
    const { hub, says } = shopHub({ rollouts: [running(0)] });
    let slept = 0;
    const sleep = async () => {
      slept += 1;
      says.away = slept < 4;
      if (slept === 5) says.rollouts = [succeeded];
    };
    expect((await fairlead(hub, status("--wait"), { sleep })).code).toBe(0);
  });

  it("says that silent clusters follow", async () => {
    const { hub } = shopHub({
      rollouts: [rollout("shop", 3, 3, 2, { kind: "succeeded", at: 1, silent: 1 })],
    });
    const ran = await fairlead(hub, status("--wait"));
    expect([ran.code, ran.err]).toEqual([
      0,
      expect.stringContaining("1 silent cluster gets it when heard again"),
    ]);
    expect(ran.out).toContain("2 of 3 clusters");
  });
});
