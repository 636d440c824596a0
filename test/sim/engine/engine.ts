/**
 * A DynamoDB in this process: exactly the operations and expressions that `functions/store` uses, held to the store's
 * conformance suites beside Dynoxide and DynamoDB Local. Each request is one moment: whoever wants races orders them.
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
  type TransactWriteCommandInput,
} from "@aws-sdk/lib-dynamodb";
import type { Item } from "../../../functions/store/db.ts";
import type { Key } from "../../../functions/store/table.ts";
import { ValidationError } from "./errors.ts";
import { holds, updated } from "./evaluate.ts";
import { Parser, type Placeholders } from "./expression.ts";
import { keyOf, stored, unitsOf } from "./item.ts";
import { Table, type Change } from "./table.ts";

export interface EngineOptions {
  /** How old an eventually consistent read may be: of so many versions that were young enough, which one (0: the newest). */
  age?: (versions: number) => number;
  now?: () => number;
  /** After each change, in order. */
  onChange?: (change: Change) => void;
}

interface Conditioned {
  TableName?: string | undefined;
  ConditionExpression?: string | undefined;
  UpdateExpression?: string | undefined;
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Record<string, unknown> | undefined;
}
type Write = Conditioned & ({ Item: unknown } | { Key: unknown });
type Transacted = NonNullable<TransactWriteCommandInput["TransactItems"]>[number];

const KNOWN: ReadonlySet<string> = new Set([
  "TableName",
  "Key",
  "Item",
  "ConsistentRead",
  "ReturnConsumedCapacity",
  "ConditionExpression",
  "UpdateExpression",
  "ExpressionAttributeNames",
  "ExpressionAttributeValues",
  "KeyConditionExpression",
  "ScanIndexForward",
  "Limit",
  "ExclusiveStartKey",
  "RequestItems",
  "TransactItems",
]);

export class Engine {
  readonly #tables = new Map<string, Table>();
  readonly #options: EngineOptions;

  constructor(options: EngineOptions = {}) {
    this.#options = options;
  }

  /** The answer of one command; throws what the SDK would. */
  execute(command: object): object {
    if (!("input" in command)) throw new ValidationError("this is no command");
    for (const name of Object.keys(command.input as object))
      if (!KNOWN.has(name)) throw new ValidationError(`${name} is not known here`);
    if (command instanceof GetCommand) return this.#get(command.input);
    if (command instanceof BatchGetCommand) return this.#batchGet(command.input);
    if (command instanceof QueryCommand) return this.#query(command.input);
    if (command instanceof PutCommand || command instanceof UpdateCommand || command instanceof DeleteCommand)
      return this.#write(command.input);
    if (command instanceof TransactWriteCommand) return this.#transact(command.input.TransactItems ?? []);
    throw new ValidationError(`${command.constructor.name} is not known here`);
  }

  #table(name: string | undefined): Table {
    if (name === undefined) throw new ValidationError("no table is named");
    const table = this.#tables.get(name) ?? new Table(this.#options);
    this.#tables.set(name, table);
    return table;
  }

  #get({ TableName, Key, ConsistentRead }: GetCommand["input"]): object {
    const item = this.#table(TableName).read(keyOf(Key), ConsistentRead === true);
    const ConsumedCapacity = { CapacityUnits: unitsOf([item], 4096) * (ConsistentRead === true ? 1 : 0.5) };
    return { ...(item === undefined ? {} : { Item: item }), ConsumedCapacity };
  }

  #batchGet({ RequestItems = {} }: BatchGetCommand["input"]): object {
    const Responses: Record<string, Item[]> = {};
    const ConsumedCapacity = [];
    for (const [name, { Keys = [], ConsistentRead }] of Object.entries(RequestItems)) {
      const keys = Keys.map(keyOf);
      if (keys.length === 0 || keys.length > 100) throw new ValidationError("a batch is of 1 to 100 keys");
      if (new Set(keys.map(({ pk, sk }) => `${pk}\n${sk}`)).size !== keys.length)
        throw new ValidationError("a batch names a key twice");
      const items = keys.flatMap((key): Item[] => {
        const item = this.#table(name).read(key, ConsistentRead === true);
        return item === undefined ? [] : [item];
      });
      Responses[name] = items;
      ConsumedCapacity.push({ CapacityUnits: unitsOf(items, 4096) * (ConsistentRead === true ? 1 : 0.5) });
    }
    return { Responses, UnprocessedKeys: {}, ConsumedCapacity };
  }

  #query(input: QueryCommand["input"]): object {
    const { KeyConditionExpression: text, ExpressionAttributeValues: values = {} } = input;
    const isPrefixed = text === "pk = :pk AND begins_with(sk, :prefix)";
    if (!isPrefixed && text !== "pk = :pk")
      throw new ValidationError(`key condition ${text} is not known here`);
    const { ":pk": pk, ":prefix": prefix = "", ...rest } = values;
    if (typeof pk !== "string" || typeof prefix !== "string" || Object.keys(rest).length > 0)
      throw new ValidationError("the key condition's values are :pk, and :prefix where it is asked for");
    const isConsistent = input.ConsistentRead === true;
    const after = input.ExclusiveStartKey === undefined ? undefined : keyOf(input.ExclusiveStartKey).sk;
    const found = this.#table(input.TableName).list(pk, prefix, {
      isConsistent,
      newestFirst: input.ScanIndexForward === false,
      after,
      limit: input.Limit,
    });
    const end = found.more ? found.items.at(-1) : undefined;
    const CapacityUnits = Math.max(0.5, unitsOf([found.items], 4096) * (isConsistent ? 1 : 0.5));
    return {
      Items: found.items,
      ConsumedCapacity: { CapacityUnits },
      ...(end === undefined ? {} : { LastEvaluatedKey: { pk, sk: end["sk"] } }),
    };
  }

  #write(input: Write): object {
    const write = prepared(input);
    const table = this.#table(input.TableName);
    const before = table.newest(write.key);
    if (!write.mayWrite(before))
      throw new ConditionalCheckFailedException({ message: "lost", $metadata: {} });
    const after = write.after(before);
    table.write(write.key, after);
    return { ConsumedCapacity: { CapacityUnits: unitsOf([after ?? before], 1024) } };
  }

  #transact(all: readonly Transacted[]): object {
    const writes = all.map((one) => {
      const [kind, ...others] = Object.keys(one);
      const input = one.Put ?? one.Update ?? one.Delete ?? one.ConditionCheck;
      if (input === undefined || others.length > 0)
        throw new ValidationError(`${kind} is not known in a transaction`);
      const isCheck = one.ConditionCheck !== undefined;
      return { ...prepared(input), isCheck, table: this.#table(input.TableName) };
    });
    if (writes.length > 100) throw new ValidationError("a transaction is of 1 to 100 writes");
    if (new Set(writes.map(({ key }) => `${key.pk}\n${key.sk}`)).size !== writes.length)
      throw new ValidationError("a transaction names an item twice");
    const may = writes.map(({ table, key, mayWrite }) => mayWrite(table.newest(key)));
    if (may.includes(false))
      throw new TransactionCanceledException({
        message: "lost",
        $metadata: {},
        CancellationReasons: may.map((isTrue) => ({ Code: isTrue ? "None" : "ConditionalCheckFailed" })),
      });
    const made = writes.map(({ table, key, isCheck, after }) => {
      const newest = table.newest(key);
      return { table, key, isCheck, item: isCheck ? newest : after(newest) };
    });
    for (const { table, key, isCheck, item } of made) if (!isCheck) table.write(key, item);
    return {
      ConsumedCapacity: [
        {
          CapacityUnits:
            2 *
            unitsOf(
              made.map(({ item }) => item),
              1024,
            ),
        },
      ],
    };
  }
}

interface Prepared {
  key: Key;
  mayWrite: (item: Item | undefined) => boolean;
  after: (item: Item | undefined) => Item | undefined;
}

function prepared(input: Write): Prepared {
  const holders: Placeholders = {
    names: input.ExpressionAttributeNames ?? {},
    values: Object.fromEntries(
      Object.entries(input.ExpressionAttributeValues ?? {}).map(([name, value]) => [name, stored(value)]),
    ),
  };
  const used = new Set<string>();
  const { ConditionExpression: condition, UpdateExpression: update } = input;
  const asked = condition === undefined ? undefined : new Parser(condition, holders, used).condition();
  const actions = update === undefined ? undefined : new Parser(update, holders, used).update();
  for (const name of [...Object.keys(holders.names), ...Object.keys(holders.values)])
    if (!used.has(name)) throw new ValidationError(`${name} is given and not used`);
  const mayWrite = (item: Item | undefined): boolean => asked === undefined || holds(asked, item);
  if ("Item" in input) {
    const item = stored(input.Item) as Item;
    return { key: keyOf({ pk: item["pk"], sk: item["sk"] }), mayWrite, after: () => item };
  }
  const key = keyOf(input.Key);
  const after = (item: Item | undefined): Item | undefined =>
    actions === undefined ? undefined : updated(actions, item ?? { ...key });
  return { key, mayWrite, after };
}
