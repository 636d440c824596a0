/**
 * Follows a table's stream on a local engine: the stand-in for Lambda's event source mapping. Every record is
 * handed over at least once and in the order of its key; the checkpoint moves only after a batch was handled, so
 * a restarted hub goes on where it was. Never ends by itself: trouble is told, and tried again.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  type _Record,
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type Shard,
} from "@aws-sdk/client-dynamodb-streams";
import { type Checkpoint, parsePosition, type Position } from "./stream-checkpoint.ts";
import { deliver, type Delivery } from "./stream-deliver.ts";
import { changesNothing, toLambdaRecord } from "./stream-record.ts";

/** As many as the engine gives at once: where many clusters report, what they say of one rollout is looked at together. */
const BATCH_RECORDS_MAX = 1_000;
const POLL_MS_DEFAULT = 50;
const TRIES_MAX_DEFAULT = 5;
const BACKOFF_MS_FIRST = 100;
const BACKOFF_MS_MAX = 10_000;
/** Shards are looked up this often, and at once when one ends. */
const SHARDS_FRESH_MS = 10_000;
const SHARD_PAGES_MAX = 100;

export interface FollowOptions extends Pick<Delivery, "onRecords" | "onPoison" | "onTrouble"> {
  client: DynamoDBStreamsClient;
  streamArn: string;
  checkpoint: Checkpoint;
  /** Ends the follower; the batch in hand is finished or left for the next start. */
  signal: AbortSignal;
  /** Wait between looks at an idle stream; 50 by default. */
  pollMs?: number;
  triesMax?: number;
  backoffMs?(attempt: number): number;
}

/** Resolves once `signal` is aborted and nothing runs any more. Rejects only when the checkpoint cannot be read. */
export async function followStream(options: FollowOptions): Promise<void> {
  const follower = new Follower(options, parsePosition(await options.checkpoint.load(), options.streamArn));
  await follower.run();
}

function backoffMsDefault(attempt: number): number {
  return Math.min(BACKOFF_MS_FIRST * 2 ** attempt, BACKOFF_MS_MAX);
}

class Follower {
  readonly #options: FollowOptions;
  readonly #delivery: Delivery;
  #position: Position;
  /** Live shards in stream order, oldest first. */
  #shards: Shard[] = [];
  #shardsAtMs = Number.NEGATIVE_INFINITY;
  readonly #iterators = new Map<string, string>();

  constructor(options: FollowOptions, position: Position) {
    this.#options = options;
    this.#position = position;
    this.#delivery = {
      onRecords: (records) => options.onRecords(records),
      onPoison: (record, error) => options.onPoison(record, error),
      onTrouble: (error) => options.onTrouble(error),
      triesMax: options.triesMax ?? TRIES_MAX_DEFAULT,
      backoffMs: (attempt) => options.backoffMs?.(attempt) ?? backoffMsDefault(attempt),
      sleep: (ms) => this.#sleep(ms),
      stopped: () => options.signal.aborted,
    };
  }

  async run(): Promise<void> {
    let failures = 0;
    while (!this.#options.signal.aborted) {
      try {
        const found = await this.#round();
        failures = 0;
        if (!found) await this.#sleep(this.#options.pollMs ?? POLL_MS_DEFAULT);
      } catch (thrown) {
        // An abort cuts the request short: that is the end, not trouble.
        if (this.#options.signal.aborted) return;
        this.#options.onTrouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
        this.#shardsAtMs = Number.NEGATIVE_INFINITY;
        await this.#sleep(this.#delivery.backoffMs(++failures));
      }
    }
  }

  /** One look at each shard that may be read now; true when records were found. */
  async #round(): Promise<boolean> {
    if (performance.now() - this.#shardsAtMs > SHARDS_FRESH_MS) await this.#lookUpShards();
    let found = false;
    for (const shard of this.#shards) {
      if (this.#options.signal.aborted) break;
      if (this.#readable(shard)) found = (await this.#read(shard.ShardId ?? "")) || found;
    }
    return found;
  }

  /** A child waits for its parent: both may hold records of one key. */
  #readable({ ShardId, ParentShardId }: Shard): boolean {
    const parentIsLive = this.#shards.some((other) => other.ShardId === ParentShardId);
    return !this.#finished(ShardId) && (!parentIsLive || this.#finished(ParentShardId));
  }

  #finished(shardId: string | undefined): boolean {
    return this.#position.shards[shardId ?? ""]?.finished === true;
  }

  async #lookUpShards(): Promise<void> {
    const { client, streamArn, signal } = this.#options;
    const shards: Shard[] = [];
    let from: string | undefined;
    for (let page = 0; page === 0 || from !== undefined; page++) {
      if (page >= SHARD_PAGES_MAX)
        throw new Error(`${streamArn} has more than ${SHARD_PAGES_MAX} pages of shards`);
      const input = { StreamArn: streamArn, ...(from !== undefined && { ExclusiveStartShardId: from }) };
      const { StreamDescription } = await client.send(new DescribeStreamCommand(input), {
        abortSignal: signal,
      });
      shards.push(...(StreamDescription?.Shards ?? []));
      from = StreamDescription?.LastEvaluatedShardId;
    }
    this.#shards = shards;
    this.#shardsAtMs = performance.now();
    const live = new Set(shards.map((shard) => shard.ShardId));
    const kept = Object.entries(this.#position.shards).filter(([shardId]) => live.has(shardId));
    this.#position = { ...this.#position, shards: Object.fromEntries(kept) };
  }

  async #read(shardId: string): Promise<boolean> {
    const ShardIterator = this.#iterators.get(shardId) ?? (await this.#iterator(shardId));
    // Forgotten until the batch was handled: after any failure the next round starts behind the checkpoint.
    this.#iterators.delete(shardId);
    const { client, signal } = this.#options;
    const command = new GetRecordsCommand({ ShardIterator, Limit: BATCH_RECORDS_MAX });
    const { Records = [], NextShardIterator } = await client.send(command, { abortSignal: signal });
    if (!(await this.#handle(shardId, Records))) return false;
    if (NextShardIterator !== undefined) this.#iterators.set(shardId, NextShardIterator);
    else await this.#finish(shardId);
    return Records.length > 0;
  }

  async #handle(shardId: string, found: _Record[]): Promise<boolean> {
    if (found.length === 0) return true;
    const changes = found.filter((record) => !changesNothing(record));
    const records = changes.map((record) => toLambdaRecord(record, this.#options.streamArn).record);
    if (records.length > 0 && !(await deliver(records, this.#delivery))) return false;
    const after = found.at(-1)?.dynamodb?.SequenceNumber;
    if (after !== undefined) await this.#save(shardId, { after });
    return true;
  }

  /** Only the missing next iterator says that a shard is closed: open shards of some engines name an end too. */
  async #finish(shardId: string): Promise<void> {
    await this.#save(shardId, { finished: true });
    this.#shardsAtMs = Number.NEGATIVE_INFINITY;
  }

  async #save(shardId: string, state: Position["shards"][string]): Promise<void> {
    const next = { ...this.#position, shards: { ...this.#position.shards, [shardId]: state } };
    await this.#options.checkpoint.save(JSON.stringify(next));
    this.#position = next;
  }

  async #iterator(shardId: string): Promise<string> {
    const after = this.#position.shards[shardId]?.after;
    try {
      return await this.#askIterator(shardId, after);
    } catch (error) {
      if (after === undefined || (error as Error).name !== "TrimmedDataAccessException") throw error;
      this.#options.onTrouble(
        new Error(`records after ${after} of ${shardId} are gone (kept 24 h): going on with the oldest`, {
          cause: error,
        }),
      );
      return this.#askIterator(shardId, undefined);
    }
  }

  async #askIterator(shardId: string, after: string | undefined): Promise<string> {
    const { client, streamArn, signal } = this.#options;
    const command = new GetShardIteratorCommand({
      StreamArn: streamArn,
      ShardId: shardId,
      ...(after === undefined
        ? { ShardIteratorType: "TRIM_HORIZON" as const }
        : { ShardIteratorType: "AFTER_SEQUENCE_NUMBER" as const, SequenceNumber: after }),
    });
    const { ShardIterator } = await client.send(command, { abortSignal: signal });
    if (ShardIterator === undefined) throw new Error(`no iterator for shard ${shardId} of ${streamArn}`);
    return ShardIterator;
  }

  async #sleep(ms: number): Promise<void> {
    try {
      await delay(ms, undefined, { signal: this.#options.signal });
    } catch (error) {
      if (!this.#options.signal.aborted) throw error;
    }
  }
}
