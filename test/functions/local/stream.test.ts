import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  PutItemCommand,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import type { DynamoDBRecord } from "aws-lambda";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { type DynamoEngine, localDynamoConfig } from "../../../functions/local/dynamo.ts";
import { fileCheckpoint } from "../../../functions/local/stream-checkpoint.ts";
import { followStream, type FollowOptions } from "../../../functions/local/stream.ts";
import { dynamoEngines } from "../../support/dynamo.ts";

const WAIT = { timeout: 20_000, interval: 10 };

describe.each(dynamoEngines)("followStream on $name", (kind) => {
  let engine: DynamoEngine;
  let dynamo: DynamoDBClient;
  let streams: DynamoDBStreamsClient;
  let folder: string;
  let tables = 0;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    engine = await kind.start();
    dynamo = new DynamoDBClient(localDynamoConfig(engine.endpoint));
    streams = new DynamoDBStreamsClient(localDynamoConfig(engine.endpoint));
    folder = await mkdtemp(join(tmpdir(), "fairlead-stream-"));
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(async () => {
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A table of its own for each test, with its stream and the file that its follower writes to. */
  async function newTable() {
    const TableName = `stream-${++tables}`;
    const { TableDescription } = await dynamo.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    await waitUntilTableExists({ client: dynamo, maxWaitTime: 30, minDelay: 0.05 }, { TableName });
    const streamArn = TableDescription?.LatestStreamArn ?? "";
    const put = (pk: string, n: number): Promise<unknown> =>
      dynamo.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, n: { N: String(n) } } }));
    const putMany = async (count: number): Promise<void> => {
      for (let from = 0; from < count; from += 25) {
        const size = Math.min(25, count - from);
        const requests = Array.from({ length: size }, (_, i) => ({
          PutRequest: { Item: { pk: { S: `many-${from + i}` }, n: { N: String(from + i) } } },
        }));
        await dynamo.send(new BatchWriteItemCommand({ RequestItems: { [TableName]: requests } }));
      }
    };
    return { streamArn, put, putMany, file: join(folder, `${TableName}.json`) };
  }

  /** Starts a follower; it is stopped at the end of the test, or before by the answer. */
  function follow(table: { streamArn: string; file: string }, over: Partial<FollowOptions> = {}) {
    const abort = new AbortController();
    const records: DynamoDBRecord[] = [];
    const troubles: string[] = [];
    const done = followStream({
      client: streams,
      streamArn: table.streamArn,
      checkpoint: fileCheckpoint(table.file),
      onRecords: async (batch) => void records.push(...batch),
      onPoison: (record) => {
        throw new Error(`unexpected poison ${record.eventID}`);
      },
      onTrouble: (error) => void troubles.push(error.message),
      backoffMs: () => 1,
      pollMs: 5,
      signal: abort.signal,
      ...over,
    });
    const stop = async (): Promise<void> => {
      abort.abort();
      await done;
    };
    stops.push(stop);
    return { records, troubles, stop };
  }

  it("hands over what was written before and after its start, each record once and in order", async () => {
    const table = await newTable();
    for (let n = 0; n < 5; n++) await table.put("a", n);
    const { records, troubles } = follow(table);
    await vi.waitFor(() => expect(records).toHaveLength(5), WAIT);
    for (let n = 5; n < 10; n++) await table.put("a", n);
    await vi.waitFor(() => expect(records).toHaveLength(10), WAIT);
    expect(numbers(records)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(records.map((record) => record.eventID)).size).toBe(10);
    expect(troubles).toEqual([]);
  });

  it("hands over records in the shape of a Lambda stream event, with both images", async () => {
    const table = await newTable();
    const { records } = follow(table);
    await table.put("a", 1);
    await table.put("a", 2);
    await vi.waitFor(() => expect(records).toHaveLength(2), WAIT);
    expect(records[1]).toMatchObject({
      eventName: "MODIFY",
      eventSource: "aws:dynamodb",
      eventSourceARN: table.streamArn,
      dynamodb: {
        Keys: { pk: { S: "a" } },
        OldImage: { pk: { S: "a" }, n: { N: "1" } },
        NewImage: { pk: { S: "a" }, n: { N: "2" } },
      },
    });
    expect(records[0]?.eventName).toBe("INSERT");
    expect(records[0]?.dynamodb?.OldImage).toBeUndefined();
  });

  it("tells nothing of a write that changes nothing", async () => {
    const table = await newTable();
    const { records } = follow(table);
    await table.put("a", 1);
    await table.put("a", 1);
    await table.put("a", 2);
    await vi.waitFor(() => expect(numbers(records)).toContain(2), WAIT);
    expect(numbers(records)).toEqual([1, 2]);
  });

  it("goes on after its checkpoint when started again", async () => {
    const table = await newTable();
    const first = follow(table);
    await table.put("a", 1);
    await vi.waitFor(() => expect(first.records).toHaveLength(1), WAIT);
    await first.stop();
    await table.put("a", 2);
    const second = follow(table);
    await vi.waitFor(() => expect(second.records).toHaveLength(1), WAIT);
    expect(numbers(second.records)).toEqual([2]);
  });

  it("delivers again what was in hand when it was stopped", async () => {
    const table = await newTable();
    await table.put("a", 1);
    let tries = 0;
    const first = follow(table, {
      triesMax: 1_000_000,
      onRecords: async () => {
        tries++;
        throw new Error("the table is away");
      },
    });
    await vi.waitFor(() => expect(tries).toBeGreaterThan(2), WAIT);
    await first.stop();
    const second = follow(table);
    await vi.waitFor(() => expect(numbers(second.records)).toEqual([1]), WAIT);
  });

  it("reads a long stream in batches of at most 1,000, which nothing but that bound parts", async () => {
    const table = await newTable();
    await table.putMany(1_250);
    const sizes: number[] = [];
    follow(table, { onRecords: async (batch) => void sizes.push(batch.length) });
    await vi.waitFor(() => expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_250), WAIT);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    expect(sizes.length).toBeLessThan(8);
  });

  it("tries a failing batch again, then each record alone, and passes only the bad one to onPoison", async () => {
    const table = await newTable();
    await table.putMany(4);
    const sizes: number[] = [];
    const handled: number[] = [];
    const poison: string[] = [];
    const { troubles } = follow(table, {
      triesMax: 2,
      onRecords: async (batch) => {
        sizes.push(batch.length);
        if (numbers(batch).includes(2)) throw new Error("number 2 is bad");
        handled.push(...numbers(batch));
      },
      onPoison: (record, error) => void poison.push(`${numbers([record])[0]}: ${error.message}`),
    });
    await vi.waitFor(() => expect(poison).toEqual(["2: number 2 is bad"]), WAIT);
    await table.put("after", 9);
    await vi.waitFor(() => expect(handled).toContain(9), WAIT);
    expect(new Set(handled)).toEqual(new Set([0, 1, 3, 9]));
    expect(sizes).toEqual([4, 4, 1, 1, 1, 1, 1, 1]);
    expect(troubles).toHaveLength(4);
  });

  it("keeps a record whose poison report fails, and tells it", async () => {
    const table = await newTable();
    await table.put("a", 1);
    let reports = 0;
    const { troubles } = follow(table, {
      triesMax: 1,
      onRecords: async () => {
        throw new Error("bad");
      },
      onPoison: () => {
        if (++reports < 3) throw new Error("nowhere to put it");
      },
    });
    await vi.waitFor(() => expect(reports).toBe(3), WAIT);
    expect(troubles.filter((message) => message === "nowhere to put it")).toHaveLength(2);
  });

  it("starts at the oldest record when the checkpoint is of another stream", async () => {
    const table = await newTable();
    await table.put("a", 1);
    await writeFile(table.file, JSON.stringify({ stream: "arn:other", shards: { x: { finished: true } } }));
    const { records } = follow(table);
    await vi.waitFor(() => expect(numbers(records)).toEqual([1]), WAIT);
    const saved = async (): Promise<unknown> => JSON.parse(await readFile(table.file, "utf8"));
    await vi.waitFor(async () => expect(await saved()).toMatchObject({ stream: table.streamArn }), WAIT);
  });

  it("rejects a checkpoint that cannot be read, naming the fix", async () => {
    const table = await newTable();
    await writeFile(table.file, "{ not json");
    const signal = AbortSignal.timeout(60_000);
    const options = {
      client: streams,
      streamArn: table.streamArn,
      checkpoint: fileCheckpoint(table.file),
      signal,
    };
    const nothing = { onRecords: async () => {}, onPoison: () => {}, onTrouble: () => {} };
    await expect(followStream({ ...options, ...nothing })).rejects.toThrow(/remove it/);
  });
});

describe("followStream", () => {
  it("tells that the engine is away, and goes on when it is back", async () => {
    const { startDynoxide } = await import("../../../functions/local/dynamo.ts");
    const folder = await mkdtemp(join(tmpdir(), "fairlead-stream-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const dataFile = join(folder, "table.db");
    const first = await startDynoxide({ dataFile });
    const port = Number(new URL(first.endpoint).port);
    const dynamo = new DynamoDBClient(localDynamoConfig(first.endpoint));
    const { TableDescription } = await dynamo.send(
      new CreateTableCommand({
        TableName: "back",
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
        StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
      }),
    );
    const put = (n: number): Promise<unknown> =>
      dynamo.send(new PutItemCommand({ TableName: "back", Item: { pk: { S: "a" }, n: { N: String(n) } } }));
    await put(1);
    const abort = new AbortController();
    const records: DynamoDBRecord[] = [];
    let troubles = 0;
    const done = followStream({
      client: new DynamoDBStreamsClient({ ...localDynamoConfig(first.endpoint), maxAttempts: 1 }),
      streamArn: TableDescription?.LatestStreamArn ?? "",
      checkpoint: fileCheckpoint(join(folder, "checkpoint.json")),
      onRecords: async (batch) => void records.push(...batch),
      onPoison: () => {},
      onTrouble: () => void troubles++,
      backoffMs: () => 20,
      signal: abort.signal,
    });
    await vi.waitFor(() => expect(numbers(records)).toEqual([1]), WAIT);
    await first.stop();
    await vi.waitFor(() => expect(troubles).toBeGreaterThan(0), WAIT);
    const second = await startDynoxide({ dataFile, port });
    onTestFinished(() => second.stop());
    await put(2);
    await vi.waitFor(() => expect(numbers(records)).toEqual([1, 2]), WAIT);
    abort.abort();
    await done;
  });
});

function numbers(records: readonly DynamoDBRecord[]): number[] {
  return records.map((record) => Number(record.dynamodb?.NewImage?.["n"]?.N));
}
