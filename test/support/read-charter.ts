/** The charter of a running local hub, read from its table. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { localDynamoConfig } from "../../functions/local/dynamo.ts";
import type { LocalHub } from "../../functions/local/hub.ts";
import { createDb } from "../../functions/store/db.ts";
import { getHub } from "../../functions/store/hub.ts";

export async function readCharter({ dynamoEndpoint, table }: LocalHub): Promise<unknown> {
  const client = new DynamoDBClient(localDynamoConfig(dynamoEndpoint));
  try {
    const { charter } = await getHub(createDb(DynamoDBDocumentClient.from(client), table));
    return JSON.parse(Buffer.from(charter.split(".")[1] ?? "", "base64url").toString());
  } finally {
    client.destroy();
  }
}
