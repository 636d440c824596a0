/**
 * Stream → bus and audit log: turns what changed in the table into facts, and what people and the hub decided into
 * records. One function, as a stream has room for two followers; neither half keeps the other from its work.
 */
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from "aws-lambda";
import { createSequencer, type Sequencer } from "../audit-log/sequencer.ts";
import { awsDeps, whenWriting } from "../aws.ts";
import type { Bus } from "../bus/port.ts";
import { createEventBridgeBus } from "../bus/eventbridge.ts";
import { needed } from "../env.ts";
import { countedLog, type jsonLog } from "../log.ts";
import { metered, type Metered } from "../meter/meter.ts";
import { factsOf } from "../stream/facts.ts";
import { inParts } from "../stream/in-parts.ts";
import { settled } from "../stream/settled.ts";
import { recordTimelines } from "../stream/timeline.ts";

let deps: (Metered & { bus: Pick<Bus, "publish">; sequencer: Sequencer; log: typeof jsonLog }) | undefined;

export const handler = whenWriting(work, { batchItemFailures: [] });

async function work({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  const held = (deps ??= makeDeps());
  const { db, bus, sequencer, log } = held;
  const handle = (records: readonly DynamoDBRecord[]): Promise<void> =>
    settled(
      // Reading a record may fail too, and must not keep the others' facts.
      Promise.resolve().then(() => bus.publish(records.flatMap(factsOf))),
      sequencer.record(records),
      recordTimelines(db, records),
    );
  return metered(held, () => inParts(Records, handle, log));
}

function makeDeps() {
  const { env, ...parts } = awsDeps();
  const bus = createEventBridgeBus({ client: new EventBridgeClient(), busName: needed(env, "FAIRLEAD_BUS") });
  const log = countedLog(parts.meter);
  return { ...parts, bus, log, sequencer: createSequencer({ ...parts, log }) };
}
