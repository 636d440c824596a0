/** What every function on AWS composes from its environment: table and object store. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { readEnv } from "./env.ts";
import { lazyObjects } from "./lazy.ts";
import { createDb } from "./store/db.ts";
import { guarded } from "./store/guard.ts";

export function awsDeps() {
  const env = readEnv();
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(), {
    marshallOptions: { removeUndefinedValues: true },
  });
  return {
    env,
    db: guarded(createDb(client, env.FAIRLEAD_TABLE)),
    objects: lazyObjects(async () => (await import("./objects/aws.ts")).awsObjects(env)),
    now: () => Date.now(),
  };
}
