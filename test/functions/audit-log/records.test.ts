import { describe, expect, it } from "vitest";
import { draftOf } from "../../../functions/audit-log/records.ts";
import { keys } from "../../../functions/store/table.ts";
import { appItem, change } from "../../support/audit-log.ts";

const stamp = { by: "user:ada@example.com", from: "10.0.0.1", why: "because", request: "r-1", commit: "c1" };

describe("draftOf", () => {
  it("tells who, from where, why, in which request and commit", () => {
    const item = { ...appItem("web", "shop", 1), stamp };
    expect(draftOf(change(keys.app("web", "shop"), undefined, item, 1_700_000_000))).toMatchObject({
      ...stamp,
      project: "web",
      noun: "app",
      name: "shop",
      action: "created",
      version: 1,
      at: 1_700_000_000_000,
    });
  });

  it("is the same for the same change, and another for another change of the same content", () => {
    const record = change(keys.app("web", "shop"), undefined, appItem("web", "shop", 1));
    expect(draftOf(structuredClone(record))).toEqual(draftOf(record));
    const again = change(keys.app("web", "shop"), undefined, appItem("web", "shop", 1));
    expect(draftOf(again)?.id).not.toBe(draftOf(record)?.id);
  });

  // What would break: whoever may read the log could use a hash, a key or a token to become somebody else.
  it("never tells a token's hash, a credential's value, or a key", () => {
    const token = {
      id: "t1",
      name: "ci",
      project: "web",
      role: "deployer",
      rules: [],
      createdAt: 1,
      expiresAt: 2,
      digest: "SECRET",
      version: 1,
      stamp,
      expires: 1,
      later: "SECRET",
    };
    const told = [
      change(keys.apiTokenEntry("web", "t1"), undefined, token),
      change(keys.apiTokenEntry("web", "t1"), token, {
        ...token,
        digest: "SECRET2",
        version: 2,
        deleting: true,
      }),
      change(keys.credential("web", "git"), undefined, {
        project: "web",
        name: "git",
        kind: "token",
        version: 1,
        stamp,
        token: "SECRET",
      }),
      change(keys.identity("web", "eu-1"), undefined, {
        project: "web",
        cluster: "eu-1",
        version: 1,
        stamp,
        event: "registered",
        key: "fingerprint",
        x: "SECRET",
      }),
    ].map(draftOf);
    expect(told.map((draft) => [draft?.noun, draft?.name, draft?.action])).toEqual([
      ["token", "t1", "created"],
      ["token", "t1", "deleting"],
      ["credential", "git", "created"],
      ["key", "eu-1", "registered"],
    ]);
    expect(JSON.stringify(told)).not.toContain("SECRET");
    expect(JSON.stringify(told)).toContain("fingerprint");
  });

  it("tells an end by time apart from a removal by somebody", () => {
    const token = { id: "t1", project: "web", version: 1, stamp, expires: 1_700_000_000 };
    const key = keys.apiTokenEntry("web", "t1");
    expect(draftOf(change(key, token, undefined, 1_700_000_001))).toMatchObject({
      action: "expired",
      by: "hub:expiry",
    });
    const revoked = { ...token, deleting: true, version: 2 };
    expect(draftOf(change(key, revoked, undefined, 1_700_000_001))).toMatchObject({
      action: "deleted",
      by: stamp.by,
    });
    expect(draftOf(change(key, token, undefined, 1_600_000_000))).toMatchObject({
      action: "deleted",
      by: "unknown",
    });
  });

  it("tells releases, what people decide of rollouts, and the hub's own charter", () => {
    const release = {
      project: "web",
      app: "shop",
      release: 3,
      commit: "c3",
      reason: "commit",
      targets: "t",
      extra: "no",
    };
    expect(draftOf(change(keys.release("web", "shop", 3), undefined, release))).toMatchObject({
      by: "hub:release",
      why: "commit",
      commit: "c3",
      name: "shop/3",
      after: { release: 3, targets: "t" },
    });
    const rollout = { project: "web", app: "shop", release: 3, state: { kind: "running" }, version: 1 };
    const key = keys.rollout("web", "shop", 3);
    expect(draftOf(change(key, rollout, { ...rollout, version: 2, released: 4 }))).toBeUndefined();
    expect(
      draftOf(change(key, rollout, { ...rollout, state: { kind: "halted" }, version: 2, stamp })),
    ).toMatchObject({
      by: stamp.by,
      changes: [{ path: "/state/kind", before: '"running"', after: '"halted"' }],
    });
    const charter = `h.${Buffer.from(JSON.stringify({ urls: ["http://a"], signers: [] })).toString("base64url")}.s`;
    const hub = { hub: "hub-1", epoch: 1, serial: 7, charter, recoveryKey: { x: "public" } };
    expect(draftOf(change(keys.hub(), undefined, hub))).toMatchObject({
      project: "fairlead",
      noun: "hub",
      name: "hub-1",
      after: { epoch: 1, serial: 7, urls: ["http://a"] },
    });
  });

  it("is silent about what is observed, about the log itself, and about a write that changed nothing", () => {
    const placement = { project: "web", app: "shop", cluster: "eu-1", assigned: { epoch: 1, generation: 1 } };
    const silent = [
      change(keys.placement("web", "shop", "eu-1"), placement, { ...placement, observed: { seq: 2 } }),
      change(keys.beat("web", "eu-1"), undefined, { cluster: "eu-1", heardAt: 1 }),
      change(keys.sourceState("web", "fleet"), undefined, { project: "web", name: "fleet", state: {} }),
      change(keys.logBatch("web", 1), undefined, { log: "batch", n: 1 }),
      change(keys.app("web", "shop"), appItem("web", "shop", 1), appItem("web", "shop", 1)),
    ];
    expect(silent.map(draftOf)).toEqual(silent.map(() => undefined));
  });

  it("tells an item of an unknown shape by what is known of it, in the hub's own project", () => {
    expect(draftOf(change(keys.app("web", "shop"), undefined, { resource: "broken" }))).toMatchObject({
      project: "fairlead",
      by: "unknown",
      noun: "app",
      version: 0,
    });
  });
});
