import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fieldsV1Of, mergeApply, mergeEdit } from "../../../agent/kube/merge.ts";
import { canonicalJson } from "#core/digest.ts";
import type { KubeObject } from "#core/object.ts";

const { tree } = fc.letrec<{ value: unknown; list: unknown[]; tree: Record<string, unknown> }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), fc.boolean(), tie("list"), tie("tree")),
  list: fc.array(tie("value"), { maxLength: 3 }),
  tree: fc.dictionary(fc.constantFrom("a", "b", "c", "d/e"), tie("value"), { maxKeys: 4 }),
}));

const object = (data: unknown): KubeObject => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name: "x" },
  data,
});
const made = (data: unknown) => mergeApply(undefined, object(data), "fairlead", 1);

describe("mergeApply", () => {
  it("makes what was asked for, whatever stood there before of the same manager's", () => {
    fc.assert(
      fc.property(tree, tree, (before, after) => {
        const merged = mergeApply(made(before), object(after), "fairlead", 2);
        expect(canonicalJson(merged.object)).toBe(canonicalJson(made(after).object));
        expect(merged.conflicts).toEqual([]);
      }),
    );
  });
  it("is idempotent: a second time neither data nor owners change", () => {
    fc.assert(
      fc.property(tree, (data) => {
        const first = made(data);
        const second = mergeApply(first, object(data), "fairlead", 2);
        expect(canonicalJson(second.object)).toBe(canonicalJson(first.object));
        expect(second.owners.get("fairlead")).toBe(first.owners.get("fairlead"));
      }),
    );
  });
  it("restores its own fields after any edit, names the fields it takes, and keeps the editor's own", () => {
    const edited = mergeEdit(made({ a: 1, b: 2 }), { data: { a: 9, c: 3, b: null } }, "kubectl-edit", 2);
    expect(edited.object["data"]).toEqual({ a: 9, c: 3 });
    const merged = mergeApply(edited, object({ a: 1, b: 2 }), "fairlead", 3);
    expect(merged.object["data"]).toEqual({ a: 1, b: 2, c: 3 });
    expect(merged.conflicts).toEqual([{ pointer: "/data/a", manager: "kubectl-edit" }]);
    expect([...(merged.owners.get("kubectl-edit")?.leaves ?? [])]).toEqual(["/data/c"]);
  });
  it("claims nothing of what others put into an object that it sets empty", () => {
    const edited = mergeEdit(made({ a: {} }), { data: { a: { theirs: 1 } } }, "kubectl-edit", 2);
    const merged = mergeApply(edited, object({ a: {} }), "fairlead", 3);
    expect(merged.object["data"]).toEqual({ a: { theirs: 1 } });
    expect(merged.conflicts).toEqual([]);
  });
});

describe("fieldsV1Of", () => {
  it("is the tree that managedFields shows", () => {
    expect(fieldsV1Of(["/spec/replicas", "/metadata/labels/a~1b"])).toEqual({
      "f:spec": { "f:replicas": {} },
      "f:metadata": { "f:labels": { "f:a/b": {} } },
    });
  });
});
