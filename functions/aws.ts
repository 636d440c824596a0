/** What every function on AWS composes from its environment: table and object store. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { readEnv } from "./env.ts";
import { createS3Store } from "./objects/s3.ts";
import { createOutbound } from "./outbound/client.ts";
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
    objects: createS3Store({ client: new S3Client(), bucket: env.FAIRLEAD_BUCKET }),
    outbound: createOutbound({ allowLoopback: false }),
    now: () => Date.now(),
  };
}
