/** Dynoxide beside the simulator's engine: each request goes to both, one after the other, and they have to answer alike. */
import { isDeepStrictEqual } from "node:util";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, QueryCommand } from "@aws-sdk/lib-dynamodb";
import { localDynamoConfig } from "../../functions/local/dynamo.ts";
import { ensureTable } from "../../functions/local/table.ts";
import { startDynamo } from "../support/dynamo.ts";
import type { Seams } from "./world/world.ts";

export interface Beside {
  /** A table for one seed. */
  open(): Promise<NonNullable<Seams["beside"]>>;
  stop(): Promise<void>;
}

type Told = { kind: "answer"; value: Record<string, unknown> } | { kind: "error"; error: Error };

export async function beside(): Promise<Beside> {
  const engine = await startDynamo();
  const client = new DynamoDBClient(localDynamoConfig(engine.endpoint));
  const document = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  let tables = 0;
  return {
    open: async () => {
      const table = `sim-${(tables += 1)}`;
      await ensureTable(client, table);
      return async (command, answer) => {
        const here = await told(async () => answer() as Record<string, unknown>);
        // What it read may be old on purpose.
        if (!isOld(command)) {
          const there = await told(() => send(document, renamed(command, table)));
          if (!alike(here, there, table)) throw differs(command, here, there);
        }
        if (here.kind === "error") throw here.error;
        return here.value;
      };
    },
    stop: async () => {
      client.destroy();
      await engine.stop();
    },
  };
}

function isOld(command: object): boolean {
  const isRead = command instanceof GetCommand || command instanceof QueryCommand;
  return isRead && command.input.ConsistentRead !== true;
}

async function told(run: () => Promise<Record<string, unknown>>): Promise<Told> {
  try {
    return { kind: "answer", value: await run() };
  } catch (thrown) {
    return { kind: "error", error: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }
}

async function send(document: DynamoDBDocumentClient, command: object): Promise<Record<string, unknown>> {
  return { ...(await document.send(command as GetCommand)) };
}

/** The same command for the table of this seed. */
function renamed(command: object, table: string): object {
  const { input } = command as { input: object };
  const text = JSON.stringify(input).replaceAll('"TableName":"fairlead"', `"TableName":"${table}"`);
  const named = text.replaceAll('"RequestItems":{"fairlead":', `"RequestItems":{"${table}":`);
  const Command = command.constructor as new (input: unknown) => object;
  return new Command(JSON.parse(named));
}

function alike(here: Told, there: Told, table: string): boolean {
  if (here.kind !== there.kind) return false;
  if (here.kind === "error") return there.kind === "error" && here.error.name === there.error.name;
  return there.kind === "answer" && isDeepStrictEqual(seen(here.value, "fairlead"), seen(there.value, table));
}

function seen({ Item, Items, Responses }: Record<string, unknown>, table: string): unknown {
  const many = (Responses as Record<string, object[]> | undefined)?.[table] ?? [];
  const sorted = many.map((item) => JSON.stringify(sortedFields(item))).sort();
  return JSON.parse(JSON.stringify([Item ?? null, Items ?? null, sorted])) as unknown;
}

function sortedFields(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, sortedFields(field)]));
}

function differs(command: object, here: Told, there: Told): Error {
  const text = (one: Told): string => (one.kind === "error" ? one.error.name : JSON.stringify(one.value));
  const { input } = command as { input: object };
  return new Error(
    `engines differ at ${command.constructor.name} ${JSON.stringify(input)}: ${text(here)} here, ${text(there)} on Dynoxide`,
  );
}
