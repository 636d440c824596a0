/** What every function on AWS composes from its environment: table, object store, and the meter of what it uses. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { readEnv } from "./env.ts";
import { lazyObjects } from "./lazy.ts";
import { Meter } from "./meter/meter.ts";
import { createDb } from "./store/db.ts";
import { guarded } from "./store/guard.ts";
import { createWriter, whileWriting, writtenBy } from "./store/writer.ts";

const now = (): number => Date.now();
let table: ReturnType<typeof makeTable> | undefined;

export function awsDeps() {
  const env = readEnv();
  return {
    env,
    ...(table ??= makeTable(env)),
    objects: lazyObjects(async () => (await import("./objects/aws.ts")).awsObjects(env)),
    now,
  };
}

function makeTable(env: ReturnType<typeof readEnv>) {
  const { FAIRLEAD_TABLE, FAIRLEAD_REGION } = env;
  const client = DynamoDBDocumentClient.from(new DynamoDBClient(), {
    marshallOptions: { removeUndefinedValues: true },
  });
  const meter = new Meter(env.AWS_LAMBDA_FUNCTION_NAME, Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE));
  const db = guarded(createDb(client, FAIRLEAD_TABLE, meter.onUnits), FAIRLEAD_REGION);
  if (FAIRLEAD_REGION === undefined) return { db, meter };
  const writer = createWriter(db, FAIRLEAD_REGION, now);
  return { db: writtenBy(db, writer), writer, meter };
}

/** A handler that does nothing, and answers `otherwise`, in a region that does not write. */
export function whenWriting<I, O>(work: (raw: I) => Promise<O>, otherwise: O): (raw: I) => Promise<O> {
  return (raw) => {
    const deps: { writer?: Parameters<typeof whileWriting>[0] } = (table ??= makeTable(readEnv()));
    return whileWriting(deps.writer, () => work(raw), otherwise);
  };
}
