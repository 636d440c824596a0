import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSequencer } from "../../../functions/audit-log/sequencer.ts";
import { localDynamoConfig } from "../../../functions/local/dynamo.ts";
import { ensureTable } from "../../../functions/local/table.ts";
import { createFolderStore } from "../../../functions/objects/folder.ts";
import type { ObjectStore } from "../../../functions/objects/port.ts";
import { createDb, type Db } from "../../../functions/store/db.ts";
import { keys } from "../../../functions/store/table.ts";
import { allRecords, appHistory, appItem, assignment, change, verifyAll } from "../../support/audit-log.ts";
import { dynamoEngines } from "../../support/dynamo.ts";

describe.each(dynamoEngines)("the sequencer on $name", (engine) => {
  let db: Db;
  let objects: ObjectStore;
  let stop: () => Promise<void>;
  const logged: Record<string, unknown>[] = [];
  let units = 0;
  let projects = 0;
  /** A log of its own for each test. */
  const project = () => `p${(projects += 1)}`;
  const sequencer = () => createSequencer({ db, objects, log: (entry) => logged.push(entry) });
  const verified = async (name: string) => (await verifyAll({ db, objects }, name)).findings;

  beforeAll(async () => {
    const dynamo = await engine.start();
    const client = new DynamoDBClient(localDynamoConfig(dynamo.endpoint));
    await ensureTable(client, "fairlead");
    const folder = await mkdtemp(join(tmpdir(), "fairlead-audit-log-"));
    db = createDb(DynamoDBDocumentClient.from(client), "fairlead", (operation, used) => {
      if (operation === "transact" || operation === "put") units += used;
    });
    objects = createFolderStore({ root: folder });
    stop = async () => {
      client.destroy();
      await dynamo.stop();
      await rm(folder, { recursive: true, force: true });
    };
  }, 180_000);
  afterAll(() => stop?.());

  it("chains what people change, with who, why, before and after", async () => {
    const name = project();
    const key = keys.app(name, "shop");
    const marked = { ...appItem(name, "shop", 3, "user:grace@example.com"), deleting: true };
    const deliveries = [
      ...appHistory(name, "shop", 2),
      change(key, appItem(name, "shop", 2), marked),
      change(key, marked, undefined),
      // A name may be taken again: its versions begin again, and that is no gap.
      ...appHistory(name, "shop", 1),
    ];
    for (const one of deliveries) await sequencer().record([one]);
    const records = await allRecords(db, name);
    expect(records.map(({ n, action, version, by }) => [n, action, version, by])).toEqual([
      [1, "created", 1, "user:ada@example.com"],
      [2, "configured", 2, "user:ada@example.com"],
      [3, "deleting", 3, "user:grace@example.com"],
      [4, "deleted", 3, "user:grace@example.com"],
      [5, "created", 1, "user:ada@example.com"],
    ]);
    expect(records[0]).toMatchObject({ why: "edit 1", request: "request-1", after: { kind: "App" } });
    expect(records[1]?.changes).toEqual([{ path: "/spec/replicas", before: "1", after: "2" }]);
    expect(records[3]).toMatchObject({ before: { kind: "App" } });
    expect(await verified(name)).toEqual([]);
  });

  it("keeps each change once, though deliveries repeat, overlap and race from several processes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 11 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        async (cuts, repeats, processes) => {
          const name = project();
          const shards = [
            [...appHistory(name, "shop", 4), assignment(name, "shop", "eu-1", 1)],
            appHistory(name, "desk", 3),
            [1, 2, 3, 4].map((generation) => assignment(name, "shop", "eu-2", generation)),
          ];
          const at = Array.from({ length: processes }, sequencer);
          // Each shard is delivered in order, by a process that may change, with repeats of what was delivered.
          await Promise.all(
            shards.map(async (records, shard) => {
              const [done, left]: [DynamoDBRecord[], DynamoDBRecord[]] = [[], [...records]];
              for (let turn = 0; left.length > 0; turn++) {
                const [size, again] = cuts[(turn + shard) % cuts.length] ?? [0, false];
                const batch = left.splice(0, size + 1);
                const from = repeats[turn % Math.max(1, repeats.length)] ?? done.length;
                const delivery = [...(again ? done.slice(from) : []), ...batch];
                const process = at[(turn + shard) % at.length];
                await process?.record(delivery);
                if (again) await at[(turn + shard + 1) % at.length]?.record(delivery);
                done.push(...batch);
              }
            }),
          );
          const records = await allRecords(db, name);
          const told = records.map((record) => `${record.noun} ${record.name} ${changeIn(record)}`);
          expect([...told].sort()).toEqual(
            [
              ...["1", "2", "3", "4"].map((n) => `app shop ${n}`),
              ...["1", "2", "3"].map((n) => `app desk ${n}`),
              "assignment shop/eu-1 1",
              ...["1", "2", "3", "4"].map((n) => `assignment shop/eu-2 ${n}`),
            ].sort(),
          );
          // In an item's order as well: the check holds each record against the one before.
          expect(await verified(name)).toEqual([]);
        },
      ),
      { numRuns: 12 },
    );
  }, 120_000);

  it("is not hindered by many writers at once", async () => {
    const name = project();
    const writers = Array.from({ length: 4 }, (_, index) => appHistory(name, `app-${index}`, 20));
    await Promise.all(
      writers.map(async (records) => {
        const own = sequencer();
        for (const one of records) await own.record([one]);
      }),
    );
    expect(await allRecords(db, name)).toHaveLength(80);
    expect(await verified(name)).toEqual([]);
  }, 60_000);

  it("tells a version that never came, in the log, in the check and at once in the process's own log", async () => {
    const name = project();
    const [first, , third] = appHistory(name, "shop", 3);
    logged.length = 0;
    await sequencer().record([first, third].filter((one) => one !== undefined));
    expect((await allRecords(db, name))[1]).toMatchObject({ version: 3, follows: 1 });
    expect(logged).toEqual([{ level: "error", auditLog: name, item: "app/shop", version: 3, follows: 1 }]);
    expect(await verified(name)).toEqual([
      {
        kind: "gap",
        batch: 1,
        record: 2,
        message: expect.stringContaining("app/shop: record 2 is version 3"),
      },
    ]);
  });

  it("tells an assignment whose predecessor never came", async () => {
    const name = project();
    await sequencer().record([assignment(name, "shop", "eu-1", 1), assignment(name, "shop", "eu-1", 3)]);
    expect(await verified(name)).toMatchObject([{ kind: "gap", record: 2 }]);
  });

  it("tells an edit past the hub: the version stayed, the content did not", async () => {
    const name = project();
    const was = appItem(name, "shop", 1);
    const forged = { ...was, resource: { ...(was["resource"] as object), spec: { path: "evil" } } };
    await sequencer().record([...appHistory(name, "shop", 1), change(keys.app(name, "shop"), was, forged)]);
    expect((await allRecords(db, name))[1]).toMatchObject({ by: "unknown", version: 1, follows: 1 });
    expect(await verified(name)).toMatchObject([{ kind: "gap", record: 2 }]);
  });

  // What would break: whoever damages the log would stop all that hangs on the same stream.
  it("goes on behind a batch that was damaged or removed", async () => {
    const name = project();
    await sequencer().record(appHistory(name, "shop", 2));
    await sequencer().record(appHistory(name, "desk", 2));
    await db.delete(keys.logBatch(name, 2));
    await sequencer().record(appHistory(name, "till", 2));
    const damaged = {
      ...(await db.get(keys.logBatch(name, 2), { consistent: true })),
      zip: new Uint8Array(9),
    };
    await db.put({ ...keys.logBatch(name, 2), ...damaged });
    await sequencer().record(appHistory(name, "oven", 1));
    expect((await verified(name)).map(({ kind, batch }) => [kind, batch])).toEqual([
      ["anchor", 2],
      ["unreadable-batch", 2],
    ]);
  });

  it("writes one unit for an assignment that comes alone, and a fraction of one where many come together", async () => {
    const name = project();
    const records = Array.from({ length: 301 }, (_, index) =>
      assignment(name, "shop", `cluster-${index}`, 1),
    );
    const own = sequencer();
    await own.record(records.slice(0, 1));
    units = 0;
    await own.record(records.slice(1, 2));
    expect(units).toBe(1);
    units = 0;
    for (let start = 1; start < 301; start += 100) await own.record(records.slice(start, start + 100));
    expect(units / 299).toBeLessThan(0.1);
    expect(await allRecords(db, name)).toHaveLength(301);
  });

  it("takes large resources and many records without passing an item's size", async () => {
    const name = project();
    const large = Array.from({ length: 60 }, (_, index) => {
      const item = appItem(name, `app-${index}`, 1);
      const values = Object.fromEntries(
        Array.from({ length: 400 }, (_, n) => [`v${n}`, `${index}`.repeat(30)]),
      );
      return change(keys.app(name, `app-${index}`), undefined, {
        ...item,
        resource: { ...(item["resource"] as object), spec: { values } },
      });
    });
    const huge = change(keys.app(name, "huge"), undefined, {
      ...appItem(name, "huge", 1),
      resource: { kind: "App", spec: { values: "x".repeat(200_000) } },
    });
    await sequencer().record([...large, huge]);
    const records = await allRecords(db, name);
    expect(records).toHaveLength(61);
    expect(records.at(-1)?.after).toMatchObject({ digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(await verified(name)).toEqual([]);
  });
});

function changeIn({ version, after }: { version?: number | undefined; after?: unknown }): number | undefined {
  return version ?? (after as { generation: number } | undefined)?.generation;
}
