/** Stream → rollouts: what clusters reported moves the rollouts that wait for it. */
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from "aws-lambda";
import { awsDeps, whenWriting } from "../aws.ts";
import { metered } from "../meter/meter.ts";
import { countedLog } from "../log.ts";
import { tickReported } from "../rollout/tick-apps.ts";
import { inParts } from "../stream/in-parts.ts";

let deps: ReturnType<typeof awsDeps> | undefined;

export const handler = whenWriting(work, { batchItemFailures: [] });

async function work({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  const held = (deps ??= awsDeps());
  const log = countedLog(held.meter);
  return metered(held, () => inParts(Records, (records) => tickReported(held, records), log));
}
