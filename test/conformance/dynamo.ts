/**
 * What the hub relies on in a DynamoDB endpoint, whichever engine answers: conditions that one writer wins,
 * transactions that are all or nothing, consistent reads, order of sort keys, and counters that lose nothing.
 */
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  TransactionCanceledException,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type DynamoEngine, localDynamoConfig } from "../../functions/local/dynamo.ts";

const RACERS = 20;
const TableName = "conformance";

/** Registers the suite inside the caller's `describe`. */
export function dynamoConformance(start: () => Promise<DynamoEngine>): void {
  let engine: DynamoEngine;
  let table: DynamoDBDocumentClient;

  beforeAll(async () => {
    engine = await start();
    const client = new DynamoDBClient(localDynamoConfig(engine.endpoint));
    table = DynamoDBDocumentClient.from(client);
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
        ],
      }),
    );
    await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.05 }, { TableName });
  });
  afterAll(() => engine.stop());

  const put = (item: Record<string, unknown>, condition = "attribute_not_exists(pk)"): Promise<unknown> =>
    table.send(new PutCommand({ TableName, Item: item, ConditionExpression: condition }));
  const get = async (pk: string, sk: string): Promise<Record<string, unknown> | undefined> =>
    (await table.send(new GetCommand({ TableName, Key: { pk, sk }, ConsistentRead: true }))).Item;

  it("lets exactly one of many racing conditional puts win", async () => {
    const races = Array.from({ length: RACERS }, (_, n) => put({ pk: "race", sk: "x", n }));
    const outcomes = await Promise.allSettled(races);
    const lost = outcomes
      .filter((outcome) => outcome.status === "rejected")
      .map((outcome) => outcome.reason as unknown);
    expect(lost).toHaveLength(RACERS - 1);
    for (const reason of lost) expect(reason).toBeInstanceOf(ConditionalCheckFailedException);
    const winner = outcomes.findIndex((outcome) => outcome.status === "fulfilled");
    expect(await get("race", "x")).toEqual({ pk: "race", sk: "x", n: winner });
  });

  it("refuses an update whose version has moved, and leaves the item as it was", async () => {
    await put({ pk: "version", sk: "x", version: 2 });
    const update = new UpdateCommand({
      TableName,
      Key: { pk: "version", sk: "x" },
      UpdateExpression: "SET version = :next",
      ConditionExpression: "version = :seen",
      ExpressionAttributeValues: { ":next": 3, ":seen": 1 },
    });
    await expect(table.send(update)).rejects.toBeInstanceOf(ConditionalCheckFailedException);
    expect(await get("version", "x")).toEqual({ pk: "version", sk: "x", version: 2 });
  });

  it("loses none of many racing additions to a counter", async () => {
    const add = (): Promise<unknown> =>
      table.send(
        new UpdateCommand({
          TableName,
          Key: { pk: "counter", sk: "x" },
          UpdateExpression: "ADD desired :one",
          ExpressionAttributeValues: { ":one": 1 },
        }),
      );
    await Promise.all(Array.from({ length: RACERS }, add));
    expect(await get("counter", "x")).toMatchObject({ desired: RACERS });
  });

  it("writes a transaction whole or not at all, and says which condition failed", async () => {
    await put({ pk: "tx", sk: "taken" });
    const item = (sk: string) => ({
      Put: { TableName, Item: { pk: "tx", sk }, ConditionExpression: "attribute_not_exists(pk)" },
    });
    const refused = table.send(new TransactWriteCommand({ TransactItems: [item("new"), item("taken")] }));
    const reason: unknown = await refused.catch((error: unknown) => error);
    expect(reason).toBeInstanceOf(TransactionCanceledException);
    const codes = (reason as TransactionCanceledException).CancellationReasons?.map(({ Code }) => Code);
    expect(codes).toEqual(["None", "ConditionalCheckFailed"]);
    expect(await get("tx", "new")).toBeUndefined();
    await table.send(new TransactWriteCommand({ TransactItems: [item("a"), item("b")] }));
    expect([await get("tx", "a"), await get("tx", "b")]).toEqual([
      { pk: "tx", sk: "a" },
      { pk: "tx", sk: "b" },
    ]);
  });

  it("checks in a transaction what it leaves as it is", async () => {
    await put({ pk: "check", sk: "app", version: 2 });
    const write = (version: number, sk: string) => [
      {
        ConditionCheck: {
          TableName,
          Key: { pk: "check", sk: "app" },
          ConditionExpression: "#version = :version",
          ExpressionAttributeNames: { "#version": "version" },
          ExpressionAttributeValues: { ":version": version },
        },
      },
      { Put: { TableName, Item: { pk: "check", sk } } },
    ];
    const refused = table.send(new TransactWriteCommand({ TransactItems: write(1, "late") }));
    await expect(refused).rejects.toBeInstanceOf(TransactionCanceledException);
    expect(await get("check", "late")).toBeUndefined();
    await table.send(new TransactWriteCommand({ TransactItems: write(2, "made") }));
    expect([await get("check", "app"), await get("check", "made")]).toEqual([
      { pk: "check", sk: "app", version: 2 },
      { pk: "check", sk: "made" },
    ]);
  });

  it("answers a query in the byte order of the sort key, page by page", async () => {
    const sks = ["Z", "a#2", "a#10", "a", "é", "b"];
    for (const sk of sks) await put({ pk: "order", sk });
    const found: unknown[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await table.send(
        new QueryCommand({
          TableName,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": "order" },
          Limit: 2,
          ConsistentRead: true,
          ...(from && { ExclusiveStartKey: from }),
        }),
      );
      found.push(...(page.Items ?? []).map((item) => item["sk"] as unknown));
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
    expect(found).toEqual(["Z", "a", "a#10", "a#2", "b", "é"]);
  });

  it("tells the capacity that a request consumed", async () => {
    await put({ pk: "units", sk: "x", filler: "f".repeat(3000) });
    const read = new GetCommand({
      TableName,
      Key: { pk: "units", sk: "x" },
      ReturnConsumedCapacity: "TOTAL",
    });
    const { ConsumedCapacity } = await table.send(read);
    expect(ConsumedCapacity?.CapacityUnits).toBe(0.5);
  });

  it("refuses an item above 400 KB", async () => {
    await expect(put({ pk: "big", sk: "x", filler: "f".repeat(400 * 1024) })).rejects.toThrow(/size/i);
  });
}
