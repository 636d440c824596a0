/**
 * Events on the wire: how a fact is written as an EventBridge entry, how large it may be, and how a function
 * reads it back. What does not parse is refused with its place named; nothing is guessed.
 */
import * as z from "zod";
import { EVENT_SOURCE, type HubEvent, hubEventSchema } from "#core/event.ts";

/** EventBridge's own limits of one PutEvents call; an entry alone may not exceed the bytes either. */
export const PUT_ENTRIES_MAX = 10;
export const PUT_BYTES_MAX = 256 * 1024;

interface BusEntry {
  Source: string;
  DetailType: string;
  Detail: string;
}

export interface SizedEntry {
  event: HubEvent;
  entry: BusEntry;
  /** Counted as EventBridge does: UTF-8 bytes of source, type and detail. */
  sizeBytes: number;
}

/** Throws when the event alone is larger than one PutEvents call may be. */
export function toEntry(event: HubEvent): SizedEntry {
  const entry = { Source: EVENT_SOURCE, DetailType: event.type, Detail: JSON.stringify(event.detail) };
  const sizeBytes = [entry.Source, entry.DetailType, entry.Detail].reduce(
    (sum, text) => sum + Buffer.byteLength(text),
    0,
  );
  if (sizeBytes > PUT_BYTES_MAX) {
    throw new Error(`event ${event.type} has ${sizeBytes} bytes: at most ${PUT_BYTES_MAX} fit on the bus`);
  }
  return { event, entry, sizeBytes };
}

const busEventSchema = z.object({
  source: z.literal(EVENT_SOURCE),
  "detail-type": z.string(),
  detail: z.unknown(),
});

/** Reads what a rule of the bus hands to its target. Throws on another source, an unknown type or a wrong detail. */
export function parseBusEvent(raw: unknown): HubEvent {
  const outer = busEventSchema.safeParse(raw);
  if (!outer.success)
    throw new Error(`not an event of the ${EVENT_SOURCE} bus: ${z.prettifyError(outer.error)}`);
  const inner = hubEventSchema.safeParse({ type: outer.data["detail-type"], detail: outer.data.detail });
  if (!inner.success) {
    throw new Error(`event ${JSON.stringify(outer.data["detail-type"])}: ${z.prettifyError(inner.error)}`);
  }
  return inner.data;
}
