/**
 * `fairlead dead-letters list|replay`: what functions could not handle, with the AWS credentials of the environment. To replay
 * is to call the function again, which handlers allow at any time; only what it then handled leaves the queue.
 */
import { parseArgs } from "node:util";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { LambdaClient } from "@aws-sdk/client-lambda";
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from "@aws-sdk/client-sqs";
import { assertNever } from "#core/assert.ts";
import { readDeadLetter, type DeadLetter } from "#core/dead-letter.ts";
import { replay } from "./dead-letter-replay.ts";

const USAGE = "fairlead dead-letters list|replay --queue URL [--max N]";
const MAX_MAX = 1_000;
const RECEIVE_MAX = 10;
/** Nobody else gets a letter while it is worked on: a call takes as long as the longest function. */
const HELD_S = 900;

interface Held {
  letter: DeadLetter;
  id: string;
  receipt: string;
  sentAt: number;
}

async function main(argv: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { queue: text, max: { ...text, default: "100" } },
  });
  const [verb] = positionals;
  const max = Number(values.max);
  if (values.queue === undefined || (verb !== "list" && verb !== "replay")) throw new Error(USAGE);
  if (!Number.isInteger(max) || max < 1 || max > MAX_MAX)
    throw new Error(`--max ${values.max}: a whole number from 1 to ${MAX_MAX}`);
  const sqs = new SQSClient();
  try {
    const work = { sqs, queue: values.queue, max };
    return verb === "list" ? await list(work) : await replayAll(work);
  } finally {
    sqs.destroy();
  }
}

interface Work {
  sqs: SQSClient;
  queue: string;
  max: number;
}

async function list(work: Work): Promise<number> {
  const held: Held[] = [];
  try {
    for (let more = true; more && held.length < work.max;) {
      const found = await receive(work, work.max - held.length);
      held.push(...found);
      more = found.length > 0;
    }
    for (const one of held) process.stdout.write(`${line(one)}\n`);
  } finally {
    for (const { receipt } of held) await giveBack(work, receipt);
  }
  process.stderr.write(`dead letters: ${held.length}\n`);
  return 0;
}

async function replayAll(work: Work): Promise<number> {
  const clients = { lambda: new LambdaClient({ maxAttempts: 1 }), streams: new DynamoDBStreamsClient() };
  const kept: Held[] = [];
  let done = 0;
  try {
    for (let left = work.max; left > 0;) {
      const found = await receive(work, left);
      if (found.length === 0) break;
      left -= found.length;
      for (const one of found)
        if (await replayOne(work, clients, one)) done++;
        else kept.push(one);
    }
  } finally {
    for (const { receipt } of kept) await giveBack(work, receipt);
    clients.lambda.destroy();
    clients.streams.destroy();
  }
  process.stderr.write(`${done} handled now and gone from the queue, ${kept.length} still there\n`);
  return kept.length === 0 ? 0 : 1;
}

/** Whether it is handled now. */
async function replayOne(
  { sqs, queue }: Work,
  clients: Parameters<typeof replay>[0],
  one: Held,
): Promise<boolean> {
  try {
    await replay(clients, one.letter);
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle: one.receipt }));
    process.stdout.write(`handled ${line(one)}\n`);
    return true;
  } catch (error) {
    process.stdout.write(`failed  ${line(one)}: ${error instanceof Error ? error.message : String(error)}\n`);
    return false;
  }
}

async function receive({ sqs, queue }: Work, most: number): Promise<Held[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queue,
      MaxNumberOfMessages: Math.min(most, RECEIVE_MAX),
      VisibilityTimeout: HELD_S,
      WaitTimeSeconds: 1,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["SentTimestamp"],
    }),
  );
  return Messages.map(heldOf);
}

function heldOf({ Body, MessageId, ReceiptHandle, MessageAttributes, Attributes }: Message): Held {
  const attributes = Object.entries(MessageAttributes ?? {}).map(([name, { StringValue }]) => [
    name,
    StringValue ?? "",
  ]);
  return {
    letter: readDeadLetter(Body ?? "", Object.fromEntries(attributes) as Record<string, string>),
    id: (MessageId ?? "").slice(0, 8),
    receipt: ReceiptHandle ?? "",
    sentAt: Number(Attributes?.SentTimestamp ?? 0),
  };
}

async function giveBack({ sqs, queue }: Work, receipt: string): Promise<void> {
  const back = { QueueUrl: queue, ReceiptHandle: receipt, VisibilityTimeout: 0 };
  await sqs.send(new ChangeMessageVisibilityCommand(back));
}

function line({ id, sentAt, letter }: Held): string {
  const head = `${id} ${new Date(sentAt).toISOString()} ${letter.kind}`;
  switch (letter.kind) {
    case "stream":
      return `${head} ${nameOf(letter.function)}: ${letter.records} records from ${letter.from} (${letter.why})`;
    case "call":
      return `${head} ${nameOf(letter.function)}: ${letter.about} (${letter.why})`;
    case "unknown":
      return `${head}: ${letter.why}`;
    default:
      return assertNever(letter);
  }
}

function nameOf(arn: string): string {
  return arn.split(":")[6] ?? arn;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`dead letters: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
