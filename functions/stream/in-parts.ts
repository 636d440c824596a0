/**
 * A batch of the stream of which one record cannot be handled: the others are, and the answer names what is to come again.
 * Handlers may be called twice for the same thing, so a batch that failed is tried by halves, down to the single record.
 * What changed the same item after a record that failed waits with it: an item's changes stay in order.
 */
import type { DynamoDBBatchResponse, DynamoDBRecord } from "aws-lambda";
import { canonicalJson } from "#core/digest.ts";
import type { Log } from "../api/errors.ts";

/** Enough to find two bad records among a hundred; where everything fails, all of it comes again anyway. */
const TRIES_MAX = 32;

interface Work {
  handle(records: readonly DynamoDBRecord[]): Promise<void>;
  log: Log;
  /** Items of which a record failed. */
  failed: Set<string>;
  left: DynamoDBRecord[];
  tries: number;
}

export async function inParts(
  records: readonly DynamoDBRecord[],
  handle: (records: readonly DynamoDBRecord[]) => Promise<void>,
  log: Log,
): Promise<DynamoDBBatchResponse> {
  const work: Work = { handle, log, failed: new Set(), left: [], tries: 0 };
  await part(work, records);
  const numbers = work.left.map((record) => record.dynamodb?.SequenceNumber ?? "");
  return { batchItemFailures: numbers.map((itemIdentifier) => ({ itemIdentifier })) };
}

/** Of the same batch, handled by two: what either of them left comes again, to both. */
export function leftByEither(...answers: readonly DynamoDBBatchResponse[]): DynamoDBBatchResponse {
  const numbers = new Set(
    answers.flatMap(({ batchItemFailures }) => batchItemFailures.map((one) => one.itemIdentifier)),
  );
  return { batchItemFailures: [...numbers].map((itemIdentifier) => ({ itemIdentifier })) };
}

async function part(work: Work, given: readonly DynamoDBRecord[]): Promise<void> {
  const records = given.filter((record) => !work.failed.has(itemOf(record)));
  work.left.push(...given.filter((record) => !records.includes(record)));
  if (records.length === 0) return;
  if (work.tries >= TRIES_MAX) return leave(work, records, new Error(`not tried: ${TRIES_MAX} tries failed`));
  try {
    work.tries++;
    await work.handle(records);
  } catch (error) {
    if (records.length === 1) return leave(work, records, error);
    const middle = Math.ceil(records.length / 2);
    await part(work, records.slice(0, middle));
    await part(work, records.slice(middle));
  }
}

function leave({ failed, left, log }: Work, records: readonly DynamoDBRecord[], error: unknown): void {
  for (const record of records) failed.add(itemOf(record));
  left.push(...records);
  const [first] = records;
  const sequence = first?.dynamodb?.SequenceNumber;
  log({ level: "error", stream: "left", records: records.length, sequence, error: String(error) });
}

function itemOf({ dynamodb }: DynamoDBRecord): string {
  return canonicalJson(dynamodb?.Keys ?? {});
}
