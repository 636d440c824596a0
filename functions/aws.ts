/** What every function on AWS composes from its environment: table, object store, and the meter of what it uses. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { readEnv } from "./env.ts";
import { lazyObjects } from "./lazy.ts";
import { Meter } from "./meter/meter.ts";
import { createDb } from "./store/db.ts";
import { guarded } from "./store/guard.ts";

export function awsDeps() {
  const env = readEnv();
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const meter = new Meter(env.AWS_LAMBDA_FUNCTION_NAME, Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE));
  return {
    env,
    meter,
    db: guarded(createDb(client, env.FAIRLEAD_TABLE, meter.onUnits)),
    objects: lazyObjects(async () => (await import("./objects/aws.ts")).awsObjects(env)),
    now: () => Date.now(),
  };
}
