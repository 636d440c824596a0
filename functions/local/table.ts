/** Makes the table on a local engine, with its stream; one that is there is taken as it is. */
import {
  CreateTableCommand,
  DescribeTableCommand,
  ResourceInUseException,
  type DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { tableDefinition } from "../store/table.ts";

const WAIT_MS = 50;
const TRIES_MAX = 200;

/** The ARN of the table's stream. */
export async function ensureTable(client: DynamoDBClient, name: string): Promise<string> {
  try {
    await client.send(new CreateTableCommand(tableDefinition(name)));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    if (Table?.TableStatus === "ACTIVE" && Table.LatestStreamArn !== undefined) return Table.LatestStreamArn;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  throw new Error(`table ${name} did not become active with a stream`);
}
