/** What the store promises of a hub with several regions: where another one writes nothing is written, and asking costs next to nothing. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Charter } from "#core/charter.ts";
import { guarded } from "../../functions/store/guard.ts";
import { charterOf, findHub, getHub, type Hub } from "../../functions/store/hub.ts";
import { putHub } from "../../functions/store/hub-write.ts";
import { keys } from "../../functions/store/table.ts";
import { createWriter, mustWrite, whileWriting, writtenBy } from "../../functions/store/writer.ts";
import { openStore, publicKey, type StoreEngine, type StoreUnderTest } from "./store-parts.ts";

const HOUR_MS = 3_600_000;
const key = publicKey("r");

function hubOf(serial: number, region?: string): Hub {
  const signers = [{ kid: "k", key }];
  const facts: Charter = { hub: "h", serial, epoch: serial, signers, urls: ["https://a.example.com"] };
  const told = JSON.stringify({ ...facts, ...(region === undefined ? {} : { region }) });
  const charter = `a.${Buffer.from(told).toString("base64url")}.c`;
  return { hub: "h", epoch: serial, serial, charter, recoveryKey: key };
}

/** Registers the suite inside the caller's `describe`. */
export function writerConformance(start: () => Promise<StoreEngine>): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await openStore(start);
    await putHub(store.db, hubOf(1), undefined);
  }, 300_000);
  afterAll(() => store?.stop());

  describe("regions", () => {
    it("of a hub whose charter names none may all write, and a process need not know its own", async () => {
      const writer = createWriter(store.db, "west", () => 0);
      expect([await writer.fault(), await writer.epoch()]).toEqual([undefined, 1]);
      await writtenBy(store.db, writer).put({ ...keys.project("one"), name: "one" });
      await guarded(store.db).get(keys.project("one"));
    });

    it("that another one writes for write nothing, in whatever way, but the charter that makes them the writer", async () => {
      const { db } = store;
      await putHub(db, hubOf(2, "east"), await getHub(db));
      let now = 0;
      const [east, west] = [createWriter(db, "east", () => now), createWriter(db, "west", () => now)];
      const held = writtenBy(db, west);
      const two = keys.project("two");
      const ways = [
        () => held.put({ ...two, name: "two" }),
        () => held.put({ ...keys.hub(), ...hubOf(3, "east") }),
        () => held.update(keys.project("one"), { text: "REMOVE #name", names: { name: "name" } }),
        () => held.delete(keys.project("one")),
        () => held.transact([{ Put: { TableName: db.table, Item: { ...two, name: "two" } } }]),
        () => mustWrite(west),
      ];
      for (const way of ways) await expect(way()).rejects.toMatchObject({ code: "not-writer" });
      expect(await whileWriting(west, async () => "done", "nobody's task")).toBe("nobody's task");
      expect(await db.get(two)).toBeUndefined();
      expect(await held.get(keys.project("one"))).toMatchObject({ name: "one" });
      await expect(guarded(db).get(two)).rejects.toThrow("FAIRLEAD_REGION");
      expect(await guarded(db, "west").get(two)).toBeUndefined();

      expect(await putHub(held, hubOf(3, "west"), await getHub(db))).toBe("written");
      expect(charterOf((await findHub(db)) ?? hubOf(1)).region).toBe("west");
      now += HOUR_MS;
      expect(await whileWriting(west, async () => "done", "nobody's task")).toBe("done");
      expect([await west.fault(), await west.epoch()]).toEqual([undefined, 3]);
      expect(await east.fault()).toContain("fairlead hub failover --to east");
    });

    it("are asked for once in five seconds, however much is written", async () => {
      let now = HOUR_MS;
      const writer = createWriter(store.db, "west", () => now);
      store.units();
      for (let n = 0; n < 20; n++) await mustWrite(writer);
      expect(store.units()).toEqual({ get: 1 });
      now += 6_000;
      await mustWrite(writer);
      expect(store.units()).toEqual({ get: 1 });
      await mustWrite(undefined);
      expect(store.units()).toEqual({});
    });
  });
}
