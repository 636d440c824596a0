import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { declaredIn, namespaceNamed, neighbourOf, partingOf, takeoverOf } from "#core/moving.ts";
import type { Claim } from "#core/moving.ts";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import { mark, OWNER_ANNOTATION } from "#core/plan.ts";

const owner = { hub: "h1", project: "web", app: "cart" };
const config = (name: string, namespace?: string): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: namespace === undefined ? { name } : { name, namespace },
});

const claims: fc.Arbitrary<Claim> = fc.oneof(
  fc.record({
    kind: fc.constant("bundle" as const),
    declares: fc.boolean(),
    uses: fc.boolean(),
    took: fc.boolean(),
  }),
  fc.constantFrom({ kind: "leaving" } as const, { kind: "open" } as const, { kind: "none" } as const),
);
const apps = fc
  .array(claims, { maxLength: 6 })
  .map((all) => all.map((claim, at) => ({ app: `a${at}`, claim })));

describe(partingOf.name, () => {
  it("deletes only what nobody declares or needs, with every statement known", () => {
    fc.assert(
      fc.property(apps, (others) => {
        const wanted = others.some(
          ({ claim }) => claim.kind === "open" || (claim.kind === "bundle" && (claim.declares || claim.uses)),
        );
        expect(partingOf(others).kind === "goes").toBe(!wanted);
      }),
    );
  });

  it("names an App that declares it before one that is not known yet, and forgets it only for one that has it", () => {
    fc.assert(
      fc.property(apps, (others) => {
        const parting = partingOf(others);
        const first = others.find(({ claim }) => claim.kind === "bundle" && claim.declares);
        if (first?.claim.kind !== "bundle") expect(parting.kind).not.toBe("stays");
        else expect(parting).toEqual({ kind: "stays", app: first.app, taken: first.claim.took });
      }),
    );
  });
});

describe(takeoverOf.name, () => {
  it("needs a word of the App that had it: a statement without it, or an order to go", () => {
    fc.assert(
      fc.property(claims, (claim) => {
        const word = claim.kind === "leaving" || (claim.kind === "bundle" && !claim.declares);
        expect(takeoverOf(claim) === "take").toBe(word);
      }),
    );
  });
});

/**
 * Two lanes over one object, each step as the agent takes it: `from` has it and drops it, `to` declares it. Statements are
 * taken up in any order and at any time after the answer that holds both; a restart forgets that there was one.
 */
function play(steps: readonly number[], removed: boolean) {
  const world = { owner: "from", deleted: false, answered: true, from: "old", to: "none" };
  const claimOf = (app: "from" | "to"): Claim => {
    if (!world.answered || (app === "from" ? world.from !== "new" : world.to !== "new"))
      return { kind: "open" };
    if (app === "from" && removed) return { kind: "leaving" };
    return { kind: "bundle", declares: app === "to", uses: false, took: world.owner === app };
  };
  const moves = [
    () => void (world.from = "new"),
    () => void (world.to = "new"),
    () => {
      const goes = world.from === "new" && partingOf([{ app: "to", claim: claimOf("to") }]).kind === "goes";
      if (goes && world.answered && world.owner === "from") world.deleted = true;
    },
    () => {
      if (world.to === "new" && takeoverOf(claimOf("from")) === "take") world.owner = "to";
    },
    () => void (world.answered = false),
    () => void (world.answered = true),
  ];
  for (const step of [...steps, 5, 0, 1, 2, 3]) moves[step % moves.length]?.();
  return world;
}

describe("a move in one answer", () => {
  it("never deletes the object on the way and ends with the App that declares it, in every order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 30 }), fc.boolean(), (steps, removed) => {
        expect(play(steps, removed)).toMatchObject({ deleted: false, owner: "to" });
      }),
      { numRuns: 1_000 },
    );
  });
});

describe(neighbourOf.name, () => {
  it("is the other App of the same hub and project, and nobody else", () => {
    const marked = (parts: Partial<typeof owner>) => mark(config("a", "shop"), { ...owner, ...parts });
    expect(neighbourOf(marked({ app: "shop" }), owner)).toBe("shop");
    expect(neighbourOf(marked({}), owner)).toBeUndefined();
    expect(neighbourOf(config("a"), owner)).toBeUndefined();
    expect(neighbourOf(marked({ hub: "h2", app: "shop" }), owner)).toBeUndefined();
    expect(neighbourOf(marked({ project: "web2", app: "shop" }), owner)).toBeUndefined();
    const odd = { ...config("a"), metadata: { name: "a", annotations: { [OWNER_ANNOTATION]: "odd" } } };
    expect(neighbourOf(odd, owner)).toBeUndefined();
  });
});

describe(declaredIn.name, () => {
  it("knows its objects by the key they have in the cluster, whatever the scope of their kind", () => {
    const node: KubeObject = { apiVersion: "example.org/v1", kind: "Thing", metadata: { name: "x" } };
    const { keys, namespaces } = declaredIn([config("a"), config("b", "other"), node], "shop");
    const has = (object: KubeObject) => keys.has(refKey(refOf(object)));
    expect(has(config("a", "shop"))).toBe(true);
    expect(has(config("a", "other"))).toBe(false);
    expect(has(config("b", "other"))).toBe(true);
    expect(has(config("b", "shop"))).toBe(false);
    expect(has(node)).toBe(true);
    expect([...namespaces].sort()).toEqual(["other", "shop"]);
    expect(namespaceNamed("/Namespace//shop")).toBe("shop");
    expect(namespaceNamed("apps/Namespace//shop")).toBeUndefined();
  });
});
