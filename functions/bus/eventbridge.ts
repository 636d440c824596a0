/**
 * The bus on EventBridge. PutEvents answers per entry: what it did not take is put again, and what it never takes
 * is thrown, so that the stream behind the relay delivers the batch once more.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { HubEvent } from "#core/event.ts";
import { PUT_BYTES_MAX, PUT_ENTRIES_MAX, type SizedEntry, toEntry } from "./event.ts";
import type { Bus } from "./port.ts";

const PUT_TRIES_MAX = 5;
const BACKOFF_MS = 50;

export interface EventBridgeBusOptions {
  client: EventBridgeClient;
  busName: string;
  /** Waits between tries; the default waits for real. */
  sleep?(ms: number): Promise<void>;
}

/** Needs `events:PutEvents` on the bus. */
export function createEventBridgeBus(options: EventBridgeBusOptions): Bus {
  return {
    publish: async (events) => {
      let left = events.map(toEntry);
      for (let attempt = 1; left.length > 0; attempt++) {
        const outcomes = [];
        for (const batch of toBatches(left)) outcomes.push(...(await putBatch(options, batch)));
        const refused = outcomes.filter((outcome) => outcome.error !== undefined);
        if (refused.length > 0 && attempt >= PUT_TRIES_MAX)
          throw new UnpublishedError(options.busName, refused);
        left = refused.map(({ sized }) => sized);
        if (left.length > 0) await wait(options, attempt);
      }
    },
  };
}

/** Some events are not on the bus after all tries; the others are. */
export class UnpublishedError extends Error {
  readonly events: readonly HubEvent[];

  constructor(busName: string, refused: readonly Outcome[]) {
    const errors = [...new Set(refused.map(({ error }) => error))].join("; ");
    super(`bus ${busName} refused ${refused.length} events after ${PUT_TRIES_MAX} tries: ${errors}`);
    this.name = "UnpublishedError";
    this.events = refused.map(({ sized }) => sized.event);
  }
}

/** In order, each within EventBridge's limits of one call. */
export function toBatches(entries: readonly SizedEntry[]): SizedEntry[][] {
  const batches: SizedEntry[][] = [];
  let sizeBytes = Number.POSITIVE_INFINITY;
  for (const sized of entries) {
    const batch = batches.at(-1);
    if (
      batch !== undefined &&
      batch.length < PUT_ENTRIES_MAX &&
      sizeBytes + sized.sizeBytes <= PUT_BYTES_MAX
    ) {
      batch.push(sized);
      sizeBytes += sized.sizeBytes;
    } else {
      batches.push([sized]);
      sizeBytes = sized.sizeBytes;
    }
  }
  return batches;
}

interface Outcome {
  sized: SizedEntry;
  error: string | undefined;
}

async function putBatch({ client, busName }: EventBridgeBusOptions, batch: SizedEntry[]): Promise<Outcome[]> {
  const Entries = batch.map(({ entry }) => ({ ...entry, EventBusName: busName }));
  const answer = await client.send(new PutEventsCommand({ Entries }));
  return batch.map((sized, n) => {
    const result = answer.Entries?.[n];
    if (result?.EventId !== undefined) return { sized, error: undefined };
    const error = `${result?.ErrorCode ?? "no answer for the entry"}: ${result?.ErrorMessage ?? ""}`;
    return { sized, error: `${sized.event.type}: ${error}` };
  });
}

async function wait(options: EventBridgeBusOptions, attempt: number): Promise<void> {
  const ms = BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
  await (options.sleep === undefined ? delay(ms) : options.sleep(ms));
}
