/**
 * The bus in one process, for the local hub: each target gets every event of its types at least once, apart from
 * the other targets, with retries and in the end a dead letter. Nothing is kept on disk: what is queued when the
 * process dies is found again by the sweep. A handler must not publish: with a full queue it would wait for itself.
 */
import type { EventType, HubEvent } from "#core/event.ts";
import { toEntry } from "./event.ts";
import { Lane, type LaneOptions } from "./memory-lane.ts";
import type { Bus } from "./port.ts";

export interface MemoryBusOptions extends LaneOptions {
  targets: readonly { name: string; types: readonly EventType[]; handle(event: HubEvent): Promise<void> }[];
}

export interface MemoryBus extends Bus {
  /** Resolves when nothing is queued, running or waiting for a retry; rejects when a dead letter was lost. */
  idle(): Promise<void>;
  /** Takes no more, lets running handlers end, drops the rest. */
  stop(): Promise<void>;
}

export function createMemoryBus(options: MemoryBusOptions): MemoryBus {
  const lanes = options.targets.map((target) => ({
    types: new Set(target.types),
    lane: new Lane(target, options),
  }));
  return {
    publish: async (events) => {
      // The size is checked for all first, as on EventBridge: a publish is refused before anything of it is sent.
      for (const event of events) toEntry(event);
      for (const event of events) {
        for (const { types, lane } of lanes) if (types.has(event.type)) await lane.offer(event);
      }
    },
    idle: async () => {
      await Promise.all(lanes.map(({ lane }) => lane.idle()));
    },
    stop: async () => {
      await Promise.all(lanes.map(({ lane }) => lane.stop()));
    },
  };
}
