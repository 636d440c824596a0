/** Pages over shards: in one order, complete, without repeats, and not much dearer than their items. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isEmpty, readPage, type PageAsked } from "../../../functions/store/page.ts";
import { keys, lists } from "../../../functions/store/table.ts";
import { plainParts, type PlainParts } from "../../support/hub-parts.ts";

const COUNT = 300;
const names = Array.from({ length: COUNT }, (_, n) => `c-${(n * 7919) % 100_003}`).toSorted();
let hub: PlainParts;

beforeAll(async () => {
  hub = await plainParts();
  for (const [n, name] of names.entries())
    await hub.db.put({ ...keys.cluster("default", name), name, fits: n % 10 === 0, text: "x".repeat(900) });
  for (let n = 1; n <= 30; n++) await hub.db.put({ ...keys.release("default", "shop", n), n });
}, 300_000);
afterAll(() => hub?.stop());

async function allPages(
  partitions: Parameters<typeof readPage>[1],
  asked: Omit<PageAsked, "after"> & { keep?: (item: Record<string, unknown>) => boolean },
) {
  const pages: Record<string, unknown>[][] = [];
  let after: string | undefined;
  do {
    const page = await readPage(hub.db, partitions, { ...asked, after });
    pages.push(page.items);
    after = page.next;
  } while (after !== undefined && pages.length < 1000);
  return pages;
}

describe("readPage", () => {
  it("gives each item once, in the order of the names, whatever the page size", async () => {
    for (const limit of [3, 7, 50, 299, 300, 301, 500]) {
      const pages = await allPages(lists.clusters("default"), { limit });
      expect(pages.flat().map((item) => item["name"])).toEqual(names);
      expect(pages.length).toBe(Math.ceil(COUNT / limit));
    }
  });

  it("goes on past what does not fit, and every page but the last is full", async () => {
    const pages = await allPages(lists.clusters("default"), {
      limit: 8,
      keep: (item) => item["fits"] === true,
    });
    expect(pages.map((page) => page.length)).toEqual([8, 8, 8, 6]);
    expect(pages.flat().map((item) => item["name"])).toEqual(names.filter((_, n) => n % 10 === 0));
  });

  it("gives the newest first where asked", async () => {
    const pages = await allPages(lists.releases("default", "shop"), { limit: 12, newestFirst: true });
    expect(pages.flat().map((item) => item["n"])).toEqual(Array.from({ length: 30 }, (_, n) => 30 - n));
    expect(pages.map((page) => page.length)).toEqual([12, 12, 6]);
  });

  it("goes on after an item that has gone meanwhile", async () => {
    await hub.db.put({ ...keys.release("default", "till", 1), n: 1 });
    await hub.db.put({ ...keys.release("default", "till", 2), n: 2 });
    const first = await readPage(hub.db, lists.releases("default", "till"), { limit: 1 });
    await hub.db.delete(keys.release("default", "till", 1));
    const second = await readPage(hub.db, lists.releases("default", "till"), { limit: 1, after: first.next });
    expect([second.items.map((item) => item["n"]), second.next]).toEqual([[2], undefined]);
  });

  it("reads of each shard about its share: a page of 100 costs less than twice its items", async () => {
    hub.units();
    const { items } = await readPage(hub.db, lists.clusters("default"), { limit: 100 });
    const { query = 0 } = hub.units();
    // A kilobyte each, read consistently: a quarter of a unit.
    expect(items.length).toBe(100);
    expect(query).toBeLessThanOrEqual(100 * 0.25 * 2 + 8);
  });
});

describe("isEmpty", () => {
  it("tells nothing at all from one item", async () => {
    expect(await isEmpty(hub.db, lists.policies("default"))).toBe(true);
    expect(await isEmpty(hub.db, [...lists.policies("default"), ...lists.clusters("default")])).toBe(false);
  });
});
