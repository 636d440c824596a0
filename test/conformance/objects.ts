/**
 * What every object store promises (`functions/objects/port.ts`): written once, read back bit by bit, one winner
 * in a race, and keys that cannot leave the store.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ObjectStore } from "../../functions/objects/port.ts";

const RACERS = 20;
const FORBIDDEN_PATHS = ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b"];
const FORBIDDEN_CHARS = ["A", "a b", "a\\b", "a\0b", "ä", "+aside/x", "a".repeat(600), "b".repeat(200)];
const FORBIDDEN = [...FORBIDDEN_PATHS, ...FORBIDDEN_CHARS];

export interface StoreUnderTest {
  store: ObjectStore;
  /** The same content through another client or handle. */
  reopened: ObjectStore;
  close(): Promise<void>;
}

/** Registers the suite inside the caller's `describe`. */
export function objectsConformance(make: () => Promise<StoreUnderTest>): void {
  let under: StoreUnderTest;
  beforeAll(async () => {
    under = await make();
  });
  afterAll(() => under.close());

  it("reads back what was stored, bit by bit, also through another handle", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    expect(await under.store.put("bundles/sha256/ab12.json", bytes)).toBe("stored");
    expect(await under.store.get("bundles/sha256/ab12.json")).toEqual(bytes);
    expect(await under.reopened.get("bundles/sha256/ab12.json")).toEqual(bytes);
  });

  it("stores an object without content", async () => {
    expect(await under.store.put("empty", new Uint8Array())).toBe("stored");
    expect(await under.store.get("empty")).toEqual(new Uint8Array());
  });

  it("stores a large object", async () => {
    const bytes = new Uint8Array(8 * 1024 * 1024).fill(7);
    bytes[5_000_000] = 8;
    expect(await under.store.put("large/object", bytes)).toBe("stored");
    const found = await under.store.get("large/object");
    expect(Buffer.compare(found ?? new Uint8Array(), bytes)).toBe(0);
  });

  it("never overwrites: the first content stays", async () => {
    expect(await under.store.put("once/x", text("first"))).toBe("stored");
    expect(await under.store.put("once/x", text("second"))).toBe("exists");
    expect(await under.reopened.put("once/x", text("third"))).toBe("exists");
    expect(await under.store.get("once/x")).toEqual(text("first"));
  });

  it("lets exactly one of many racing writers win, and keeps the winner's content", async () => {
    for (const round of ["a", "b", "c"]) {
      const key = `race/${round}/x`;
      const writers = Array.from({ length: RACERS }, (_, n) => (n % 2 === 0 ? under.store : under.reopened));
      const outcomes = await Promise.all(writers.map((store, n) => store.put(key, text(`writer ${n}`))));
      expect(outcomes.filter((outcome) => outcome === "stored")).toHaveLength(1);
      expect(await under.store.get(key)).toEqual(text(`writer ${outcomes.indexOf("stored")}`));
    }
  });

  it("answers undefined for what is not there, also below and above an object", async () => {
    await under.store.put("there/is/one", text("x"));
    expect(await under.store.get("nothing/here")).toBeUndefined();
    expect(await under.store.get("there/is")).toBeUndefined();
    expect(await under.store.get("there/is/one/more")).toBeUndefined();
  });

  it.each(FORBIDDEN.map((key) => [key.slice(0, 16), key]))("refuses the key %j…", async (_start, key) => {
    await expect(under.store.put(key, text("x"))).rejects.toThrow(/object key/);
    await expect(under.store.get(key)).rejects.toThrow(/object key/);
  });

  it("refuses an object above the size limit, and stores nothing of it", async () => {
    const bytes = new Uint8Array(64 * 1024 * 1024 + 1);
    await expect(under.store.put("too/large", bytes)).rejects.toThrow("67108864");
    expect(await under.store.get("too/large")).toBeUndefined();
  });
}

function text(content: string): Uint8Array {
  return new Uint8Array(Buffer.from(content));
}
