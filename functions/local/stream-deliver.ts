/**
 * Hands a batch to a handler as Lambda's event source mapping does: the whole batch again while it fails, then
 * each record alone, in order, and what still fails to `onPoison`. Afterwards the stream goes on: one bad record
 * must not hold up the rest for ever.
 */
import type { DynamoDBRecord } from "aws-lambda";

export interface Delivery {
  /** Must be safe to repeat. A rejection means: nothing of this batch counts as handled. */
  onRecords(records: DynamoDBRecord[]): Promise<void>;
  /** Called once per record that failed alone as well; only when this resolves does the stream move on. */
  onPoison(record: DynamoDBRecord, error: Error): Promise<void> | void;
  /** Tells of each failure, also those that a retry heals. */
  onTrouble(error: Error): void;
  /** Tries of a batch, and then of each record alone. */
  triesMax: number;
  /** Wait after the nth failed try, counted from 1. */
  backoffMs(attempt: number): number;
  /** Resolves early when the follower is stopped. */
  sleep(ms: number): Promise<void>;
  stopped(): boolean;
}

/** False when stopped before all were handled: the caller must not move its checkpoint then. */
export async function deliver(records: DynamoDBRecord[], delivery: Delivery): Promise<boolean> {
  const whole = await attempt(records, delivery);
  if (whole === "handled") return true;
  for (const record of records) {
    if (delivery.stopped()) return false;
    const single = await attempt([record], delivery);
    if (single === "stopped") return false;
    if (single !== "handled") await delivery.onPoison(record, single);
  }
  return true;
}

async function attempt(
  records: DynamoDBRecord[],
  delivery: Delivery,
): Promise<"handled" | "stopped" | Error> {
  for (let tries = 1; ; tries++) {
    try {
      await delivery.onRecords(records);
      return "handled";
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      delivery.onTrouble(error);
      if (tries >= delivery.triesMax) return error;
      await delivery.sleep(delivery.backoffMs(tries));
      if (delivery.stopped()) return "stopped";
    }
  }
}
