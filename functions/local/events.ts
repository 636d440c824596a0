/**
 * Stream → relay → bus → handlers, in one process: the same steps as on AWS, with the local stream follower and the
 * in-process bus between them. Dead letters are told in the log; the sweep drives what they should have moved.
 */
import type { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import type { HubEvent } from "#core/event.ts";
import type { Log } from "../api/errors.ts";
import type { Sequencer } from "../audit-log/sequencer.ts";
import { createMemoryBus, type MemoryBusOptions } from "../bus/memory.ts";
import { judgeAsked, type JudgeDeps } from "../gates/judge.ts";
import type { ReleaseDeps } from "../release/look.ts";
import { lookFor } from "../release/look-apps.ts";
import { lookAtNudged } from "../release/look-source.ts";
import type { SourceDeps } from "../release/poll-source.ts";
import type { PromoteDeps } from "../promotion/look.ts";
import { promoteFor } from "../promotion/sweep.ts";
import { assignRange } from "../rollout/assign.ts";
import { tickReported } from "../rollout/tick-apps.ts";
import { factsOf } from "../stream/facts.ts";
import { settled } from "../stream/settled.ts";
import { recordTimelines } from "../stream/timeline.ts";
import { fileCheckpoint } from "./stream-checkpoint.ts";
import { followStream } from "./stream.ts";

/** Told of what no unit counts, for who measures. */
export type OnWork = (what: "renders" | "batches" | "records" | "events", count: number) => void;

export interface EventsOptions {
  streams: DynamoDBStreamsClient;
  streamArn: string;
  checkpointFile: string;
  pollMs: number;
  deps: JudgeDeps;
  release: ReleaseDeps;
  sources: SourceDeps;
  promote: PromoteDeps;
  sequencer: Sequencer;
  log: Log;
  onWork?: OnWork | undefined;
}

const RETRIES_MAX = 5;
const EVENT_AGE_MS_MAX = 60 * 60_000;

/** Who hears of which facts; on AWS the rules in `infra/` say the same. */
export function busTargets({
  deps,
  release,
  sources,
  promote,
}: Pick<EventsOptions, "deps" | "release" | "sources" | "promote">): MemoryBusOptions["targets"] {
  return [
    {
      name: "release",
      types: [
        "source.changed",
        "app.changed",
        "cluster.changed",
        "cluster.served",
        "project.changed",
        "policy.changed",
        "rollout.rolling-back",
      ],
      handle: (event) => lookFor(release, event),
    },
    { name: "look-source", types: ["source.nudged"], handle: (event) => lookAtNudged(sources, event) },
    {
      name: "promote",
      types: ["rollout.succeeded", "promotion.changed", "promotion.asked"],
      handle: (event) => promoteFor(promote, event),
    },
    { name: "assign", types: ["rollout.released"], handle: (event) => assignReleased(deps, event) },
    { name: "judge", types: ["rollout.gate.asked"], handle: (event) => judgeAsked(deps, event) },
  ];
}

export function startEvents(options: EventsOptions): { stop(): Promise<void> } {
  const { deps, log } = options;
  const bus = createMemoryBus({
    targets: busTargets(options),
    retriesMax: RETRIES_MAX,
    backoffMs: (attempt) => 100 * 2 ** attempt,
    maxAgeMs: EVENT_AGE_MS_MAX,
    onDead: (event, target, error) =>
      log({ level: "error", target, event: event.type, detail: event.detail, error: String(error) }),
    clock: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  const control = new AbortController();
  const following = followStream({
    client: options.streams,
    streamArn: options.streamArn,
    checkpoint: fileCheckpoint(options.checkpointFile),
    pollMs: options.pollMs,
    signal: control.signal,
    onRecords: async (records) => {
      const facts = records.flatMap(factsOf);
      tellWork(options.onWork, records.length, facts.length);
      const published = bus.publish(facts).then(() => tickReported(deps, records));
      await settled(published, options.sequencer.record(records), recordTimelines(deps.db, records));
    },
    onPoison: (record, error) => log({ level: "error", poison: record.eventID, error: String(error) }),
    onTrouble: (error) => log({ level: "warn", stream: String(error) }),
  });
  return {
    stop: async () => {
      control.abort();
      await following;
      await bus.stop();
    },
  };
}

function tellWork(onWork: OnWork | undefined, records: number, events: number): void {
  onWork?.("batches", 1);
  onWork?.("records", records);
  onWork?.("events", events);
}

async function assignReleased(deps: JudgeDeps, event: HubEvent): Promise<void> {
  if (event.type === "rollout.released") await assignRange(deps, event.detail);
}
