/**
 * What every object store promises (`functions/objects/port.ts`): written once, read back bit by bit, one winner
 * in a race, and keys that cannot leave the store.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { keepObject } from "../../functions/objects/keep.ts";
import type { ObjectStore, StoredObject } from "../../functions/objects/port.ts";

const RACERS = 20;
const FORBIDDEN_PATHS = ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b"];
const FORBIDDEN_CHARS = ["A", "a b", "a\\b", "a\0b", "ä", "+aside/x", "a".repeat(600), "b".repeat(200)];
const FORBIDDEN = [...FORBIDDEN_PATHS, ...FORBIDDEN_CHARS];

export interface StoreUnderTest {
  store: ObjectStore;
  /** The same content through another client or handle. */
  reopened: ObjectStore;
  /** The same content; renews what is of any age. */
  renewing: ObjectStore;
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
    await expect(under.store.renew(key)).rejects.toThrow(/object key/);
    await expect(under.store.delete(key, "v")).rejects.toThrow(/object key/);
    expect(() => under.store.list(key)).toThrow(/object key/);
  });

  it("lists a folder in order of the keys, below and not beside it, with the time of storing", async () => {
    const from = Date.now();
    const keys = ["listed/b", "listed/a/2", "listed/a/1", "listed/a-1", "listed/c"];
    for (const key of keys) await under.store.put(key, text(key));
    for (const key of ["listed-not/a", "other/listed/a"]) await under.store.put(key, text(key));
    const found = await all(under.reopened, "listed");
    expect(found.map(({ key, current }) => [key, current])).toEqual(
      keys.toSorted().map((key) => [key, true]),
    );
    // Stores may tell whole seconds.
    for (const { at } of found) expect(Math.abs(at - from)).toBeLessThan(60_000);
    expect(await all(under.store, "empty-folder")).toEqual([]);
  });

  it("lists more than a page", async () => {
    const keys = Array.from({ length: 1_100 }, (_, n) => `many/${String(n).padStart(4, "0")}`);
    for (let start = 0; start < keys.length; start += 50)
      await Promise.all(keys.slice(start, start + 50).map((key) => under.store.put(key, text(""))));
    expect((await all(under.store, "many")).map(({ key }) => key)).toEqual(keys);
  }, 60_000);

  it("deletes the version that was listed; deleting it again is done already", async () => {
    await under.store.put("gone/x", text("x"));
    await under.store.put("gone/y", text("y"));
    const [x] = await all(under.store, "gone");
    for (const _ of [1, 2]) await under.reopened.delete("gone/x", x?.version ?? "");
    expect(await under.store.get("gone/x")).toBeUndefined();
    expect((await all(under.store, "gone")).map(({ key }) => key)).toEqual(["gone/y"]);
    expect(await under.store.put("gone/x", text("new"))).toBe("stored");
    expect(await under.store.get("gone/x")).toEqual(text("new"));
  });

  it("keeps what was renewed since it was listed, whoever deletes what was listed", async () => {
    await under.store.put("renewed/x", text("x"));
    const [listed] = await all(under.store, "renewed");
    expect(await under.store.renew("renewed/x")).toBe("young");
    expect((await all(under.store, "renewed"))[0]?.version).toBe(listed?.version);
    expect(await under.renewing.renew("renewed/x")).toBe("renewed");
    const current = (await all(under.store, "renewed")).filter((one) => one.current);
    expect(current).toHaveLength(1);
    expect(current[0]?.version).not.toBe(listed?.version);
    await under.store.delete("renewed/x", listed?.version ?? "");
    expect(await under.reopened.get("renewed/x")).toEqual(text("x"));
    expect((await all(under.store, "renewed")).map(({ version }) => version)).toEqual([current[0]?.version]);
    await under.store.delete("renewed/x", current[0]?.version ?? "");
    expect(await under.store.get("renewed/x")).toBeUndefined();
  });

  it("says that what is not there cannot be renewed", async () => {
    expect(await under.renewing.renew("nothing/here")).toBe("absent");
    expect(await under.renewing.renew("renewed")).toBe("absent");
  });

  it("keeps content through any race of deleting and keeping: whoever kept it last finds it", async () => {
    for (let round = 0; round < 20; round++) {
      const key = `raced/${round}`;
      await under.store.put(key, text("same"));
      const [listed] = await all(under.store, "raced").then((found) =>
        found.filter((one) => one.key === key),
      );
      await Promise.all([
        under.store.delete(key, listed?.version ?? ""),
        keepObject(under.renewing, key, text("same")),
        under.reopened.delete(key, listed?.version ?? ""),
      ]);
      expect(await under.store.get(key)).toEqual(text("same"));
    }
  });

  it("refuses an object above the size limit, and stores nothing of it", async () => {
    const bytes = new Uint8Array(64 * 1024 * 1024 + 1);
    await expect(under.store.put("too/large", bytes)).rejects.toThrow("67108864");
    expect(await under.store.get("too/large")).toBeUndefined();
  });
}

async function all(store: ObjectStore, folder: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const object of store.list(folder)) found.push(object);
  return found;
}

function text(content: string): Uint8Array {
  return new Uint8Array(Buffer.from(content));
}
