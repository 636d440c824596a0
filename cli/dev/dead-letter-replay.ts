/** One dead letter, done again: the function is called with what it failed on, and must handle all of it. */
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record,
  type DynamoDBStreamsClient,
} from "@aws-sdk/client-dynamodb-streams";
import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import * as z from "zod";
import { assertNever } from "#core/assert.ts";
import type { DeadLetter } from "#core/dead-letter.ts";
import { toLambdaRecord } from "../../functions/local/stream-record.ts";

/** A batch has at most 100 records; pages may come empty. */
const PAGES_MAX = 50;

interface Clients {
  lambda: LambdaClient;
  streams: DynamoDBStreamsClient;
}

/** Throws with the reason where it is not handled now. */
export async function replay({ lambda, streams }: Clients, letter: DeadLetter): Promise<void> {
  switch (letter.kind) {
    case "call":
      return call(lambda, letter.function, letter.payload);
    case "stream":
      return call(lambda, letter.function, { Records: await recordsOf(streams, letter) });
    case "unknown":
      throw new Error(
        "nothing tells which function it was for: look at it in the queue, and delete it there",
      );
    default:
      return assertNever(letter);
  }
}

const failuresSchema = z.object({ batchItemFailures: z.array(z.unknown()) });

async function call(lambda: LambdaClient, FunctionName: string, payload: unknown): Promise<void> {
  const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(payload) }));
  const text = new TextDecoder().decode(answer.Payload);
  if (answer.FunctionError !== undefined) throw new Error(`the function fails again: ${text.slice(0, 500)}`);
  const failures = failuresSchema.safeParse(text === "" ? null : JSON.parse(text));
  const count = failures.success ? failures.data.batchItemFailures.length : 0;
  if (count > 0) throw new Error(`${count} records fail again: the function's log has the reason`);
}

type StreamLetter = Extract<DeadLetter, { kind: "stream" }>;

async function recordsOf(client: DynamoDBStreamsClient, letter: StreamLetter) {
  const last = BigInt(letter.to);
  const found: _Record[] = [];
  let ShardIterator = await iteratorOf(client, letter);
  for (let page = 0; page < PAGES_MAX && ShardIterator !== undefined; page++) {
    const { Records = [], NextShardIterator } = await client.send(new GetRecordsCommand({ ShardIterator }));
    found.push(...Records.filter(({ dynamodb }) => BigInt(dynamodb?.SequenceNumber ?? 0) <= last));
    if (Records.some(({ dynamodb }) => BigInt(dynamodb?.SequenceNumber ?? 0) >= last)) break;
    ShardIterator = NextShardIterator;
  }
  if (found.length === 0) throw gone();
  return found.map((record) => toLambdaRecord(record, letter.stream).record);
}

async function iteratorOf(client: DynamoDBStreamsClient, { stream, shard, from }: StreamLetter) {
  const input = { StreamArn: stream, ShardId: shard, SequenceNumber: from };
  try {
    const answer = await client.send(
      new GetShardIteratorCommand({ ...input, ShardIteratorType: "AT_SEQUENCE_NUMBER" }),
    );
    return answer.ShardIterator;
  } catch (error) {
    if (error instanceof Error && /TrimmedDataAccess|ResourceNotFound/.test(error.name)) throw gone();
    throw error;
  }
}

function gone(): Error {
  return new Error(
    "its records are no longer in the stream, which keeps them for 24 hours; the sweep has looked at what they were about",
  );
}
