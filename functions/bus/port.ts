/**
 * The bus carries facts: an event says "look", the handler reads the table and decides. Only the relay publishes,
 * from the table's stream; delivery is at least once, in any order.
 */
import type { HubEvent } from "#core/event.ts";

export interface Bus {
  /** Resolves when every event is accepted; throws when one was not after bounded retries. */
  publish(events: readonly HubEvent[]): Promise<void>;
}
