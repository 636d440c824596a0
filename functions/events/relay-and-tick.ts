/**
 * Stream → what the relay and rollouts make of it, by one function: AWS advises against a second one on the stream of a table
 * that has copies in other regions.
 */
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from "aws-lambda";
import { leftByEither } from "../stream/in-parts.ts";
import { handler as relay } from "./relay.ts";
import { handler as rolloutTick } from "./rollout-tick.ts";

export async function handler(event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  return leftByEither(await relay(event), await rolloutTick(event));
}
