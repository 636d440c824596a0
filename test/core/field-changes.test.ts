import { describe, expect, it } from "vitest";
import { fieldChanges, VALUE_CHARS_MAX } from "#core/field-changes.ts";

describe("fieldChanges", () => {
  it("tells each field that came, went or changed, in order of the names", () => {
    const before = { spec: { path: "a", poll: "60s", "a/b": 1 }, metadata: { labels: { tier: "web" } } };
    const after = { spec: { path: "b", "a/b": 1, suspend: true }, metadata: { labels: { tier: "web" } } };
    expect(fieldChanges(before, after)).toEqual([
      { path: "/spec/path", before: '"a"', after: '"b"' },
      { path: "/spec/poll", before: '"60s"' },
      { path: "/spec/suspend", after: "true" },
    ]);
  });

  it("tells a list as a whole, and a value of another type", () => {
    expect(fieldChanges({ list: [1, 2], other: { a: 1 } }, { list: [2, 1], other: "a" })).toEqual([
      { path: "/list", before: "[1,2]", after: "[2,1]" },
      { path: "/other", before: '{"a":1}', after: '"a"' },
    ]);
  });

  it("cuts what is long, after it was compared whole", () => {
    const long = "x".repeat(VALUE_CHARS_MAX * 2);
    const [change] = fieldChanges({ text: `${long}1` }, { text: `${long}2` });
    expect(change?.before).toHaveLength(VALUE_CHARS_MAX);
    expect(change?.before).toBe(change?.after);
  });

  it("is empty for equal things, whatever the order of their fields", () => {
    expect(fieldChanges({ a: 1, b: { c: [], d: null } }, { b: { d: null, c: [] }, a: 1 })).toEqual([]);
  });
});
