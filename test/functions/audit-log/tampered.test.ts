/**
 * Somebody with rights on the table alters the log. 1,000 records on a real engine; each alteration is made on the stored
 * items, found, named, and taken back.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  auditBatchSchema,
  pointAfter,
  sealBatch,
  type AuditBatch,
  type ChainPoint,
} from "#core/audit-record.ts";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { createSequencer } from "../../../functions/audit-log/sequencer.ts";
import { verifyWindow } from "../../../functions/audit-log/verify.ts";
import { localDynamoConfig } from "../../../functions/local/dynamo.ts";
import { ensureTable } from "../../../functions/local/table.ts";
import { createFolderStore } from "../../../functions/objects/folder.ts";
import type { ObjectStore } from "../../../functions/objects/port.ts";
import { createDb, type Db, type Item } from "../../../functions/store/db.ts";
import { keys } from "../../../functions/store/table.ts";
import { appHistory, verifyAll } from "../../support/audit-log.ts";
import { dynamoEngines } from "../../support/dynamo.ts";

const PROJECT = "web";
const BATCHES = 50;
const RECORDS_IN_ONE = 20;

describe.each(dynamoEngines)("a log of 1,000 records on $name", (engine) => {
  let db: Db;
  let objects: ObjectStore;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const dynamo = await engine.start();
    const client = new DynamoDBClient(localDynamoConfig(dynamo.endpoint));
    await ensureTable(client, "fairlead");
    const folder = await mkdtemp(join(tmpdir(), "fairlead-tampered-"));
    db = createDb(DynamoDBDocumentClient.from(client), "fairlead");
    objects = createFolderStore({ root: folder });
    stop = async () => {
      client.destroy();
      await dynamo.stop();
      await rm(folder, { recursive: true, force: true });
    };
    const sequencer = createSequencer({ db, objects, log: () => undefined });
    for (let n = 0; n < BATCHES; n++) await sequencer.record(appHistory(PROJECT, `app-${n}`, RECORDS_IN_ONE));
  }, 180_000);
  afterAll(() => stop?.());

  const stored = async (n: number): Promise<Item> => {
    const item = await db.get(keys.logBatch(PROJECT, n), { consistent: true });
    if (item === undefined) throw new Error(`there is no batch ${n}`);
    return item;
  };
  const batchOf = (item: Item): AuditBatch =>
    auditBatchSchema.parse(JSON.parse(gunzipSync(item["zip"] as Uint8Array).toString()));
  const found = async () =>
    (await verifyAll({ db, objects }, PROJECT)).findings.map(({ kind, batch, record }) => [
      kind,
      batch,
      record,
    ]);

  /** What `alter` did is undone afterwards. */
  async function tampered(batches: readonly number[], alter: (items: Item[]) => Promise<void>) {
    const items = await Promise.all(batches.map(stored));
    try {
      await alter(items);
      return await found();
    } finally {
      for (const item of items) await db.put(item as never);
    }
  }
  const put = (n: number, item: Item) => db.put({ ...item, ...keys.logBatch(PROJECT, n) });
  const zipped = (item: Item, text: string, hash = item["hash"]) => ({ ...item, hash, zip: gzipSync(text) });

  it("is sound, checked at once and in windows by the hub", async () => {
    const { findings, batches, records } = await verifyAll({ db, objects }, PROJECT);
    expect({ findings, batches, records }).toEqual({ findings: [], batches: 50, records: 1000 });
    const window = await verifyWindow({ db, objects }, PROJECT, 30);
    expect(window).toMatchObject({ findings: [], batches: 20, records: 400, head: { n: 50 } });
  });

  it("with one flipped byte names the batch, and the record where the bytes can still be read", async () => {
    const inZip = await tampered([17], async ([item]) => {
      const zip = Uint8Array.from(item?.["zip"] as Uint8Array);
      const middle = Math.floor(zip.length / 2);
      zip[middle] = (zip[middle] ?? 0) ^ 1;
      await put(17, { ...item, zip });
    });
    expect(inZip.map(([, batch]) => batch)).toEqual(inZip.map(() => 17));
    expect(inZip.length).toBeGreaterThan(0);
    const inText = await tampered([17], async ([item = {}]) => {
      const text = gunzipSync(item["zip"] as Uint8Array).toString();
      await put(17, zipped(item, text.replace("edit 5", "edit 6")));
    });
    expect(inText).toEqual([
      ["altered-batch", 17, undefined],
      ["altered-record", 17, 325],
    ]);
  });

  it("with one record removed, and the hash made to fit, names it", async () => {
    const findings = await tampered([17], async ([item = {}]) => {
      const batch = batchOf(item);
      const text = canonicalJson({ ...batch, records: batch.records.filter(({ n }) => n !== 330) });
      await put(17, zipped(item, text, sha256(text)));
    });
    expect(findings).toContainEqual(["missing-record", 17, 330]);
    expect(findings).toContainEqual(["anchor", 17, undefined]);
    expect(findings).toContainEqual(["broken-link", 18, undefined]);
  });

  it("with two records swapped names both", async () => {
    const findings = await tampered([17], async ([item = {}]) => {
      const batch = batchOf(item);
      const [a, b] = [batch.records[3], batch.records[4]];
      if (a === undefined || b === undefined) throw new Error("the batch is too small");
      await put(17, zipped(item, canonicalJson({ ...batch, records: batch.records.with(3, b).with(4, a) })));
    });
    expect(findings).toEqual([
      ["altered-batch", 17, undefined],
      ["misplaced-record", 17, 324],
      ["misplaced-record", 17, 325],
    ]);
  });

  it("with a batch removed, or two swapped, names them", async () => {
    const removed = await tampered([17], () => db.delete(keys.logBatch(PROJECT, 17)).then(() => undefined));
    expect(removed).toEqual([["missing-batch", 17, undefined]]);
    const swapped = await tampered([17, 30], async ([a = {}, b = {}]) => {
      await put(17, b);
      await put(30, a);
    });
    expect(swapped.filter(([kind]) => kind === "misplaced-batch")).toEqual([
      ["misplaced-batch", 17, undefined],
      ["misplaced-batch", 30, undefined],
    ]);
  });

  it("cut at its end is found by the anchors", async () => {
    const findings = await tampered([49, 50], async () => {
      await db.delete(keys.logBatch(PROJECT, 49));
      await db.delete(keys.logBatch(PROJECT, 50));
    });
    expect(findings).toEqual([["missing-batch", 49, undefined]]);
  });

  // What would break: with all hashes made anew up to the end, nothing in the table itself is wrong any more.
  it("rewritten from a batch to its end is found by the anchors", async () => {
    const all = Array.from({ length: 11 }, (_, index) => 40 + index);
    const findings = await tampered(all, async (items) => {
      const before = await stored(39);
      let point = { n: 39, hash: before["hash"], last: before["last"], upTo: before["upTo"] } as ChainPoint;
      for (const item of items) {
        const records = batchOf(item).records.map((record) => ({ ...record, by: "user:eve@example.com" }));
        const sealed = sealBatch(PROJECT, point, records, 0);
        point = pointAfter(sealed);
        await put(point.n, zipped(item, sealed.text, sealed.hash));
      }
    });
    expect(findings).toEqual(all.map((n) => ["anchor", n, undefined]));
  });
});
