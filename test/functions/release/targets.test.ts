/** The frozen list of a release, read in parts by every step of its rollout: what was read is not read again. */
import { expect, it } from "vitest";
import type { Target } from "#core/release.ts";
import { getTargets, putTargets } from "../../../functions/release/content.ts";
import { remembered } from "../../../functions/release/remembered.ts";

function target(index: number): Target {
  const numbers = { epoch: 1, generation: 1, release: 1 };
  const bundle = { digest: "a".repeat(64), size: 1 };
  const told = { order: "b".repeat(64), carried: false, statement: `statement ${index}` };
  return { cluster: `c${index}`, action: "apply", bundle, ...numbers, ...told };
}

function countingStore() {
  const all = new Map<string, Uint8Array>();
  const store = {
    reads: 0,
    put: async (key: string, bytes: Uint8Array) => {
      all.set(key, bytes);
      return "stored" as const;
    },
    renew: async (key: string) => (all.has(key) ? ("young" as const) : ("absent" as const)),
    get: async (key: string) => {
      store.reads += 1;
      return all.get(key);
    },
  };
  return store;
}

it("reads an index and each page of it once, however many ranks are asked for one by one", async () => {
  const store = countingStore();
  const list = Array.from({ length: 250 }, (_, index) => target(index));
  const index = await putTargets(store, list);
  for (let rank = 0; rank < 250; rank += 1)
    expect(await getTargets(store, index, rank, rank + 1)).toEqual([list[rank]]);
  expect(await getTargets(store, index, 90, 210)).toEqual(list.slice(90, 210));
  expect(store.reads).toBe(4);
});

it("takes nothing of one store for another's", async () => {
  const [held, empty] = [countingStore(), countingStore()];
  const index = await putTargets(held, [target(0)]);
  await getTargets(held, index, 0, 1);
  await expect(getTargets(empty, index, 0, 1)).rejects.toThrow("the object store has no targets/");
});

it("lets go what was asked for longest ago, and keeps nothing that could not be read", async () => {
  const read: string[] = [];
  const get = remembered(20, async (_store: object, digest: string) => {
    read.push(digest);
    if (digest === "bad") throw new Error("away");
    return { value: digest, size: 10 };
  });
  const store = {};
  for (const digest of ["a", "b", "a", "c", "a", "b"]) expect(await get(store, digest)).toBe(digest);
  expect(read).toEqual(["a", "b", "c", "b"]);
  for (let n = 0; n < 2; n += 1) await expect(get(store, "bad")).rejects.toThrow("away");
  expect(read.slice(4)).toEqual(["bad", "bad"]);
});
