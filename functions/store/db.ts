/**
 * All access to the table passes here: one `send`, so that units can be counted and a simulator can stand in
 * between. A lost condition is a returned value, not an exception.
 */
import { ConditionalCheckFailedException, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  type DynamoDBDocumentClient,
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import type { Key, Partition } from "./table.ts";

export type Item = Record<string, unknown>;
type Send = DynamoDBDocumentClient["send"];
export type TransactItem = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

/** Told after each call: which operation, and the capacity units the engine counted for it. */
export type OnUnits = (operation: string, units: number) => void;

/** `names` and `values` are those of the expression, without the `#` and `:`. */
export interface Expression {
  text: string;
  names?: Record<string, string>;
  values?: Record<string, unknown>;
}

const BATCH_GET_MAX = 100;
const RETRIES_MAX = 8;

export interface Db {
  table: string;
  get(key: Key, options?: { consistent?: boolean }): Promise<Item | undefined>;
  /** Consistently, unless said otherwise. */
  getMany(keys: readonly Key[], options?: { consistent?: boolean }): Promise<Item[]>;
  put(item: Key & Item, condition?: Expression): Promise<"written" | "lost">;
  update(key: Key, change: Expression, condition?: string): Promise<"written" | "lost">;
  delete(key: Key, condition?: Expression): Promise<"written" | "lost">;
  query(partition: Partition, options?: QueryOptions): AsyncGenerator<Item>;
  transact(items: TransactItem[]): Promise<"written" | "lost">;
}

export interface QueryOptions {
  consistent?: boolean;
  newestFirst?: boolean;
  limit?: number;
  /** Only what stands after this sort key, in the order asked for. */
  after?: string | undefined;
  /** Items that one request to the engine reads; absent: as many as fit in its answer. */
  pageSize?: number;
}

export function createDb(client: { send: Send }, table: string, onUnits?: OnUnits): Db {
  const capacity = onUnits === undefined ? {} : { ReturnConsumedCapacity: "TOTAL" as const };
  const count = (operation: string, consumed: unknown): void => onUnits?.(operation, unitsOf(consumed));

  return {
    table,
    async get(key, options) {
      const ConsistentRead = options?.consistent ?? false;
      const answer = await client.send(
        new GetCommand({ TableName: table, Key: key, ConsistentRead, ...capacity }),
      );
      count("get", answer.ConsumedCapacity);
      return answer.Item;
    },
    async getMany(keys, options) {
      const items: Item[] = [];
      const read = { ConsistentRead: options?.consistent ?? true, capacity };
      for (let start = 0; start < keys.length; start += BATCH_GET_MAX)
        items.push(...(await batchGet(client, table, keys.slice(start, start + BATCH_GET_MAX), read, count)));
      return items;
    },
    put: (item, condition) =>
      conditional(async () => {
        const command = new PutCommand({
          TableName: table,
          Item: item,
          ...conditionOf(condition),
          ...capacity,
        });
        count("put", (await client.send(command)).ConsumedCapacity);
      }),
    update: (key, change, condition) =>
      conditional(async () => {
        const command = new UpdateCommand({
          TableName: table,
          Key: key,
          UpdateExpression: change.text,
          ...(condition === undefined ? {} : { ConditionExpression: condition }),
          ...attributesOf(change),
          ...capacity,
        });
        count("update", (await client.send(command)).ConsumedCapacity);
      }),
    delete: (key, condition) =>
      conditional(async () => {
        const command = new DeleteCommand({
          TableName: table,
          Key: key,
          ...conditionOf(condition),
          ...capacity,
        });
        count("delete", (await client.send(command)).ConsumedCapacity);
      }),
    async *query({ pk, prefix }, options) {
      const after = options?.after;
      let start: Record<string, unknown> | undefined = after === undefined ? undefined : { pk, sk: after };
      const pageSize = options?.pageSize ?? Number.POSITIVE_INFINITY;
      let left = options?.limit ?? Number.POSITIVE_INFINITY;
      do {
        const answer = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: prefix === "" ? "pk = :pk" : "pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues: prefix === "" ? { ":pk": pk } : { ":pk": pk, ":prefix": prefix },
            ConsistentRead: options?.consistent ?? false,
            ScanIndexForward: !(options?.newestFirst ?? false),
            ...limitOf(Math.min(left, pageSize)),
            ...(start === undefined ? {} : { ExclusiveStartKey: start }),
            ...capacity,
          }),
        );
        count("query", answer.ConsumedCapacity);
        for (const item of answer.Items ?? []) {
          yield item;
          left -= 1;
        }
        start = answer.LastEvaluatedKey;
      } while (start !== undefined && left > 0);
    },
    transact: (items) =>
      conditional(async () => {
        const answer = await client.send(new TransactWriteCommand({ TransactItems: items, ...capacity }));
        count("transact", answer.ConsumedCapacity);
      }),
  };
}

function limitOf(items: number) {
  return Number.isFinite(items) ? { Limit: items } : {};
}

/** The expression's parts as the SDK takes them, with `#` and `:` put in front. */
export function attributesOf({ names, values }: Expression) {
  return {
    ...(names === undefined ? {} : { ExpressionAttributeNames: prefixed("#", names) }),
    ...(values === undefined ? {} : { ExpressionAttributeValues: prefixed(":", values) }),
  };
}

function conditionOf(condition: Expression | undefined) {
  return condition === undefined ? {} : { ConditionExpression: condition.text, ...attributesOf(condition) };
}

function prefixed<T>(prefix: string, record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [`${prefix}${name}`, value]));
}

async function conditional(write: () => Promise<void>): Promise<"written" | "lost"> {
  try {
    await write();
    return "written";
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return "lost";
    if (error instanceof TransactionCanceledException && wasCondition(error)) return "lost";
    throw error;
  }
}

/** A transaction that met another one is as lost as one whose condition failed: read again, decide again. */
function wasCondition(error: TransactionCanceledException): boolean {
  const codes = (error.CancellationReasons ?? []).map((reason) => reason.Code);
  return codes.includes("ConditionalCheckFailed") || codes.includes("TransactionConflict");
}

async function batchGet(
  client: { send: Send },
  table: string,
  keys: readonly Key[],
  { ConsistentRead, capacity }: { ConsistentRead: boolean; capacity: object },
  count: (operation: string, consumed: unknown) => void,
): Promise<Item[]> {
  const items: Item[] = [];
  let left: Record<string, unknown>[] = keys.map((key) => ({ ...key }));
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt > RETRIES_MAX)
      throw new Error(`BatchGetItem left ${left.length} keys after ${RETRIES_MAX} retries`);
    const RequestItems = { [table]: { Keys: left, ConsistentRead } };
    const answer = await client.send(new BatchGetCommand({ RequestItems, ...capacity }));
    for (const consumed of answer.ConsumedCapacity ?? []) count("batch-get", consumed);
    items.push(...(answer.Responses?.[table] ?? []));
    left = answer.UnprocessedKeys?.[table]?.Keys ?? [];
  }
  return items;
}

function unitsOf(consumed: unknown): number {
  const all = Array.isArray(consumed) ? consumed : [consumed];
  return all.reduce(
    (sum: number, one: { CapacityUnits?: number } | undefined) => sum + (one?.CapacityUnits ?? 0),
    0,
  );
}

/** Every item of every partition, in order of the partitions. */
export async function readAll(
  db: Db,
  partitions: readonly Partition[],
  options?: QueryOptions,
): Promise<Item[]> {
  const parts = await Promise.all(
    partitions.map(async (partition) => {
      const items: Item[] = [];
      for await (const item of db.query(partition, options)) items.push(item);
      return items;
    }),
  );
  return parts.flat();
}
