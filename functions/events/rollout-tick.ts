/** Stream → rollouts: what clusters reported moves the rollouts that wait for it. */
import type { DynamoDBStreamEvent } from "aws-lambda";
import { awsDeps } from "../aws.ts";
import { tickReported } from "../rollout/tick-apps.ts";

let deps: ReturnType<typeof awsDeps> | undefined;

export async function handler(event: DynamoDBStreamEvent): Promise<void> {
  await tickReported((deps ??= awsDeps()), event.Records);
}
