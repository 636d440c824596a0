import { describe, expect, it } from "vitest";
import {
  accountIn,
  judgeStatement,
  statementSchema,
  type Bearer,
  type Held,
  type Statement,
} from "#core/statement.ts";

const bearer: Bearer = { hub: "hub-1", epoch: 1, project: "default", cluster: "a" };
const held: Held = { epoch: 1, generation: 5, floor: 3, digest: "d5" };
const base: Statement = {
  hub: "hub-1",
  epoch: 1,
  project: "default",
  cluster: "a",
  app: "shop",
  release: 6,
  generation: 6,
  floor: 3,
  order: { action: "remove", deletion: "delete", pruneLimit: 0 },
};

function judge(change: Partial<Statement>, digest = "d6", app = "shop", before: Held | undefined = held) {
  const judged = judgeStatement({ ...base, ...change }, app, digest, bearer, before);
  return judged.kind === "refused" ? judged.code : judged.kind;
}

describe(accountIn.name, () => {
  const sync = { prune: true, drift: "correct" };
  const order = {
    action: "apply",
    bundle: { digest: "0".repeat(64), size: 1 },
    namespace: "shop",
    pruneLimit: 0,
  };
  const accountOf = (change: object) => accountIn(statementSchema.parse({ ...base, order: change }));
  it("is one of the order's namespace, unless it names another; none is the agent's own", () => {
    const applied = (serviceAccount?: string) => accountOf({ ...order, sync: { ...sync, serviceAccount } });
    expect(applied("deployer")).toEqual({ namespace: "shop", name: "deployer" });
    expect(applied("web/deployer")).toEqual({ namespace: "web", name: "deployer" });
    expect(applied()).toBeUndefined();
    const removed = { ...base.order, serviceAccount: "web/deployer" };
    expect(accountOf(removed)).toEqual({ namespace: "web", name: "deployer" });
  });
  it.each(["", "/a", "a/", "a/b/c", "Web/a", "a b", "system:masters", "a\r\nx: y"])(
    "cannot be %j",
    (text) => {
      const told = { ...base, order: { ...order, sync: { ...sync, serviceAccount: text } } };
      expect(statementSchema.safeParse(told).success).toBe(false);
    },
  );
});

describe("judgeStatement", () => {
  it("accepts a newer generation, and the first one", () => {
    expect(judge({})).toBe("accepted");
    expect(judgeStatement(base, "shop", "d6", bearer, undefined).kind).toBe("accepted");
  });

  it("takes the same statement again as unchanged", () => {
    expect(judge({ generation: 5 }, "d5")).toBe("unchanged");
  });

  it("refuses what is not for this cluster: a writer of rows cannot send another cluster's statement", () => {
    expect(judge({ cluster: "b" })).toBe("other-cluster");
    expect(judge({ project: "other" })).toBe("other-cluster");
    expect(judge({ app: "till" })).toBe("other-app");
    expect(judge({ hub: "hub-2" })).toBe("other-hub");
  });

  it("refuses to go back: an older hub put back from a copy moves nothing", () => {
    expect(judge({ generation: 4 })).toBe("older-generation");
    expect(judge({ generation: 5 }, "other")).toBe("same-generation-changed");
    expect(judge({ release: 2 })).toBe("below-floor");
  });

  it("refuses an epoch that its charter does not certify", () => {
    expect(judge({ epoch: 2, generation: 1 })).toBe("other-epoch");
  });

  it("lets a certified new epoch outrank every generation of the one before", () => {
    const judged = judgeStatement(
      { ...base, epoch: 2, generation: 1 },
      "shop",
      "d",
      { ...bearer, epoch: 2 },
      held,
    );
    expect(judged.kind).toBe("accepted");
  });

  // What would break: a hub rebuilt from an export of last month would find every cluster above its release numbers.
  it("lets a certified new epoch begin below the floor of the one before, and no old epoch ever", () => {
    const next = { ...base, epoch: 2, generation: 1, release: 2, floor: 1 };
    expect(judgeStatement(next, "shop", "d", { ...bearer, epoch: 2 }, held).kind).toBe("accepted");
    const back = judgeStatement({ ...next, epoch: 1, generation: 9 }, "shop", "d", bearer, {
      ...held,
      epoch: 2,
    });
    expect(back).toMatchObject({ kind: "refused", code: "older-generation" });
  });
});

describe("statementSchema", () => {
  const order = {
    action: "apply",
    bundle: { digest: "a".repeat(64), size: 2 },
    namespace: "shop",
    sync: { prune: false },
    pruneLimit: 0,
  };

  // What would break: an agent from before an option would do half of an order, and report it as done.
  it("passes over fields that it does not know, but refuses an option that it could not follow", () => {
    const read = (change: object) => statementSchema.safeParse({ ...base, order, ...change }).success;
    expect(read({})).toBe(true);
    expect(read({ note: "from a newer hub" })).toBe(true);
    expect(read({ order: { ...order, sync: { ...order.sync, invented: true } } })).toBe(false);
  });
});
