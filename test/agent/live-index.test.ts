/** What is known of live objects: a change that a watch shows while a pass looks is never taken for what the pass found. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import { LiveIndex, type Holder } from "../../agent/watch/live.ts";

const object = (version: number, text = "as wanted"): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", namespace: "shop", resourceVersion: String(version), labels: { text } },
});
const KEY = refKey(refOf(object(1)));
const WANTED = "digest";

let index: LiveIndex;
let holder: Holder & { wake: ReturnType<typeof vi.fn<() => void>> };
beforeEach(() => {
  index = new LiveIndex();
  holder = { stirred: new Set(), moved: new Set(), wake: vi.fn<() => void>() };
  index.saw(KEY, object(1), "1");
  index.listed("/ConfigMap", new Set([KEY]), "1");
  index.noted(KEY, object(1));
  index.settle(KEY, WANTED);
  index.hold(KEY, holder);
});

describe(LiveIndex.name, () => {
  it("is quiet over what was settled, and over its echo", () => {
    index.saw(KEY, object(1), "1");
    expect([index.isSettled(KEY, WANTED), holder.stirred.size, holder.wake.mock.calls.length]).toEqual([
      true,
      0,
      0,
    ]);
  });

  it("keeps an edit stirred that came between a pass's own look and its end", () => {
    index.noted(KEY, object(1));
    index.saw(KEY, object(2, "by hand"), "2");
    index.settle(KEY, WANTED);
    expect([index.isSettled(KEY, WANTED), [...holder.stirred]]).toEqual([false, [KEY]]);
  });

  it("keeps an edit stirred that came while a pass took the object for settled", () => {
    expect(index.isSettled(KEY, WANTED)).toBe(true);
    index.saw(KEY, object(2, "by hand"), "2");
    index.settle(KEY, WANTED);
    expect([index.isSettled(KEY, WANTED), [...holder.stirred]]).toEqual([false, [KEY]]);
  });

  it("keeps an edit stirred that a watch shows before the answer of an older look", () => {
    index.saw(KEY, object(3, "by hand"), "3");
    index.noted(KEY, object(2));
    index.settle(KEY, WANTED);
    expect([...holder.stirred]).toEqual([KEY]);
  });

  it("is quiet again when the edit was looked at and restored", () => {
    index.saw(KEY, object(2, "by hand"), "2");
    index.noted(KEY, object(2, "by hand"));
    index.noted(KEY, object(3));
    index.settle(KEY, WANTED);
    index.saw(KEY, object(3), "3");
    expect([index.isSettled(KEY, WANTED), holder.stirred.size]).toEqual([true, 0]);
  });

  it("is quiet over what is gone and only told, until it is back", () => {
    index.saw(KEY, undefined, "2");
    expect([...holder.stirred]).toEqual([KEY]);
    index.noted(KEY, undefined);
    index.settle(KEY, undefined);
    expect(holder.stirred.size).toBe(0);
    index.saw(KEY, object(3), "3");
    expect([...holder.stirred]).toEqual([KEY]);
  });
});
