/** Stream → bus: turns what changed in the table into facts. */
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { DynamoDBStreamEvent } from "aws-lambda";
import { createEventBridgeBus } from "../bus/eventbridge.ts";
import { needed, readEnv } from "../env.ts";
import { factsOf } from "../stream/facts.ts";

let bus: ReturnType<typeof createEventBridgeBus> | undefined;

export async function handler(event: DynamoDBStreamEvent): Promise<void> {
  bus ??= createEventBridgeBus({
    client: new EventBridgeClient(),
    busName: needed(readEnv(), "FAIRLEAD_BUS"),
  });
  await bus.publish(event.Records.flatMap(factsOf));
}
