/** The object store of a function on AWS. */
import { S3Client } from "@aws-sdk/client-s3";
import type { readEnv } from "../env.ts";
import type { ObjectStore } from "./port.ts";
import { createS3Store } from "./s3.ts";

export function awsObjects(env: ReturnType<typeof readEnv>): ObjectStore {
  return createS3Store({ client: new S3Client(), bucket: env.FAIRLEAD_BUCKET });
}
