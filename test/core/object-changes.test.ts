import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "#core/digest.ts";
import type { FieldChange } from "#core/diff.ts";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import { changesOfObjects } from "#core/object-changes.ts";
import { pointerTokens, valueAt, withValueAt } from "#core/pointer.ts";

const placed = (...objects: KubeObject[]) => ({ objects, namespace: "shop" });
const configMap = (name: string, data: Record<string, unknown>, metadata: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, ...metadata },
  data,
});
const ref = (kind: string, name: string, namespace = "shop", group = "") => ({
  group,
  kind,
  namespace,
  name,
});

describe("changesOfObjects", () => {
  it("tells what comes, what goes, what changes field by field, and counts what stays", () => {
    const before = placed(configMap("a", { x: "1" }), configMap("b", {}), configMap("c", { y: "1", z: "1" }));
    const after = placed(configMap("c", { y: "2", w: "1" }), configMap("d", {}), configMap("b", {}));
    expect(changesOfObjects(before, after)).toEqual({
      created: [ref("ConfigMap", "d")],
      changed: [
        {
          object: ref("ConfigMap", "c"),
          fields: [
            { path: "/data/y", before: '"1"', after: '"2"' },
            { path: "/data/z", before: '"1"' },
            { path: "/data/w", after: '"1"' },
          ],
        },
      ],
      gone: [ref("ConfigMap", "a")],
      unchanged: 1,
    });
  });

  it("takes an object for the same whether it names the App's namespace or none, and not in another", () => {
    const bare = configMap("a", {});
    const named = configMap("a", {}, { namespace: "shop" });
    expect(changesOfObjects(placed(bare), placed(named))).toMatchObject({ unchanged: 1 });
    expect(changesOfObjects(placed(bare), { objects: [bare], namespace: "web" })).toEqual({
      created: [ref("ConfigMap", "a", "web")],
      changed: [],
      gone: [ref("ConfigMap", "a")],
      unchanged: 0,
    });
    const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "r" } };
    expect(changesOfObjects(placed(role), { objects: [role], namespace: "web" })).toMatchObject({
      unchanged: 1,
    });
  });

  it("tells another version of the API, and pairs containers by their names", () => {
    const pods = (apiVersion: string, ...containers: object[]): KubeObject => ({
      apiVersion,
      kind: "Deployment",
      metadata: { name: "web" },
      spec: { template: { spec: { containers } } },
    });
    const before = placed(
      pods("apps/v1beta1", { name: "main", image: "shop:1" }, { name: "log", image: "log:1" }),
    );
    const after = placed(pods("apps/v1", { name: "log", image: "log:1" }, { name: "main", image: "shop:2" }));
    const [changed] = changesOfObjects(before, after).changed;
    expect(changed?.fields).toEqual([
      { path: "/apiVersion", before: '"apps/v1beta1"', after: '"apps/v1"' },
      { path: "/spec/template/spec/containers/0/image", before: '"shop:1"', after: '"shop:2"' },
      { path: "/spec/template/spec/containers", before: '"main, log"', after: '"log, main"' },
    ]);
  });

  it("tells nothing of a Secret's values, whichever way they are written", () => {
    const secret = (fields: object, metadata: object = {}): KubeObject => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", ...metadata },
      ...fields,
    });
    const hunter2 = Buffer.from("hunter2").toString("base64");
    const pairs: [KubeObject, KubeObject][] = [
      [secret({ stringData: { password: "hunter2" } }), secret({ stringData: { password: "other" } })],
      [secret({ data: { password: hunter2 } }), secret({ stringData: { password: "other" } })],
      [secret({}), secret({ data: { password: hunter2 } })],
      [secret({}, { annotations: { note: "hunter2" } }), secret({})],
    ];
    for (const [before, after] of pairs) {
      const found = changesOfObjects(placed(before), placed(after));
      expect(found.changed).toHaveLength(1);
      expect(JSON.stringify(found)).toContain("(hidden)");
      expect(JSON.stringify(found)).not.toMatch(new RegExp(`hunter2|${hunter2}`));
    }
    const same = [
      secret({ data: { password: hunter2 } }),
      secret({ stringData: { password: "hunter2" } }),
    ] as const;
    expect(changesOfObjects(placed(same[0]), placed(same[1]))).toMatchObject({ changed: [], unchanged: 1 });
  });

  it("is not thrown off by fields that every object seems to have", () => {
    const found = changesOfObjects(
      placed(configMap("a", {})),
      placed(configMap("a", { constructor: "x", toString: "y" })),
    );
    expect(found.changed[0]?.fields).toEqual([
      { path: "/data/constructor", after: '"x"' },
      { path: "/data/toString", after: '"y"' },
    ]);
  });
});

/** Names are few, so that two random bundles share some. */
const name = fc.constantFrom("a", "b", "c", "d");
const value = fc.oneof(
  fc.constantFrom("x", "y"),
  fc.integer({ min: 0, max: 2 }),
  fc.boolean(),
  fc.constant(null),
);
const named = fc.uniqueArray(fc.record({ name, image: value }), {
  selector: (one) => one.name,
  maxLength: 4,
});
const tree: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    value,
    fc.array(value, { maxLength: 3 }),
    named,
    fc.dictionary(fc.constantFrom("p", "q", "r/~"), tie("tree"), { maxKeys: 3 }),
  ),
})).tree;
/** Longer values are cut where they are told. */
const short = tree.filter((spec) => canonicalJson(spec).length < 200);
const object = fc.record({ name, spec: short }).map(({ name, spec }): KubeObject => ({
  apiVersion: "example.com/v1",
  kind: "Thing",
  metadata: { name, namespace: "shop" },
  spec,
}));
const bundle = fc.uniqueArray(object, { selector: (one) => one.metadata.name, maxLength: 4 });

const byKey = (objects: readonly KubeObject[]) =>
  new Map(objects.map((one) => [refKey(refOf(one)), canonicalJson(one)]));

/** What the fields say, done to the object: changes first, then what goes from the end, then what comes. */
function applied(before: KubeObject, fields: readonly FieldChange[]): unknown {
  let out: unknown = structuredClone(before);
  const last = (path: string): number => Number(pointerTokens(path).at(-1));
  const inList = ({ path }: FieldChange): boolean =>
    Array.isArray(valueAt(before, pointerTokens(path).slice(0, -1)));
  const comes = (one: FieldChange): boolean => one.before === undefined && inList(one);
  const goes = (one: FieldChange): boolean => one.after === undefined && inList(one);
  const order = ({ path, before: was }: FieldChange): boolean =>
    Array.isArray(valueAt(before, pointerTokens(path))) && !was?.startsWith("[");
  for (const one of fields.filter((one) => !comes(one) && !goes(one) && !order(one)))
    out = withValueAt(
      out,
      pointerTokens(one.path),
      one.after === undefined ? undefined : JSON.parse(one.after),
    );
  const backwards = (a: FieldChange, b: FieldChange): number => last(b.path) - last(a.path);
  for (const one of fields.filter(goes).sort(backwards))
    out = withValueAt(out, pointerTokens(one.path), undefined);
  for (const one of fields.filter(order)) {
    const names = (JSON.parse(one.after ?? '""') as string).split(", ");
    const list = valueAt(out, pointerTokens(one.path)) as { name: string }[];
    const at = (item: { name: string }): number => names.indexOf(item.name);
    out = withValueAt(
      out,
      pointerTokens(one.path),
      list.toSorted((a, b) => at(a) - at(b)),
    );
  }
  for (const one of fields.filter(comes).sort((a, b) => -backwards(a, b))) {
    const list = pointerTokens(one.path).slice(0, -1);
    const items = valueAt(out, list) as unknown[];
    out = withValueAt(out, list, items.toSpliced(last(one.path), 0, JSON.parse(one.after ?? "null")));
  }
  return out;
}

describe("the changes of two random bundles", () => {
  it("done to what was before give what is after, object by object and field by field", () => {
    fc.assert(
      fc.property(bundle, bundle, (before, after) => {
        const found = changesOfObjects(placed(...before), placed(...after));
        const [was, is] = [byKey(before), byKey(after)];
        const out = new Map(was);
        for (const gone of found.gone) expect(out.delete(refKey(gone))).toBe(true);
        for (const created of found.created) {
          expect(out.has(refKey(created))).toBe(false);
          out.set(refKey(created), is.get(refKey(created)) ?? "");
        }
        for (const { object, fields } of found.changed) {
          const old = JSON.parse(was.get(refKey(object)) ?? "") as KubeObject;
          out.set(refKey(object), canonicalJson(applied(old, fields)));
        }
        expect(out).toEqual(is);
        expect(found.changed.length + found.created.length + found.unchanged).toBe(after.length);
      }),
      { numRuns: 2000 },
    );
  });

  it("are none between a bundle and itself in any order", () => {
    fc.assert(
      fc.property(bundle, fc.boolean(), (objects, reverse) => {
        const other = reverse ? objects.toReversed() : objects;
        expect(changesOfObjects(placed(...objects), placed(...other))).toEqual({
          created: [],
          changed: [],
          gone: [],
          unchanged: objects.length,
        });
      }),
    );
  });
});
