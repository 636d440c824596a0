/** Stream → relay and rollouts; bus → releases and assignments. Every handler may be called twice for the same thing. */
import { bus, deadLetters } from "./bus.ts";
import { releaseFunction } from "./release.ts";
import {
  deadLetter,
  deleteRows,
  listObjects,
  names,
  publish,
  readObjects,
  readTable,
  small,
  writeTable,
} from "./rights.ts";
import { table } from "./table.ts";

/**
 * A batch that fails is halved until the one bad record is alone; that one is tried for an hour and then put aside, so that
 * it does not hold up its shard. The sweep moves what it was about.
 */
const eventSourceMapping = {
  batchSize: 100,
  bisectBatchOnFunctionError: true,
  maximumRecordAgeInSeconds: 3600,
  maximumRetryAttempts: 10,
  destinationConfig: { onFailure: { destinationArn: deadLetters.arn } },
};

table.subscribe(
  "Relay",
  {
    ...small,
    handler: "functions/events/relay.handler",
    environment: { ...names, FAIRLEAD_BUS: bus.name },
    permissions: [publish, deadLetter],
  },
  {
    // A heartbeat is no fact, and it is what an idle fleet writes.
    filters: [{ dynamodb: { NewImage: { heardAt: { N: [{ exists: false }] } } } }],
    transform: { eventSourceMapping },
  },
);

table.subscribe(
  "RolloutTick",
  {
    ...small,
    handler: "functions/events/rollout-tick.handler",
    environment: names,
    permissions: [readTable, writeTable, deleteRows, readObjects("targets"), listObjects, deadLetter],
  },
  {
    // Only placements that a cluster reported on.
    filters: [{ dynamodb: { NewImage: { observed: { M: { seq: { N: [{ exists: true }] } } } } } }],
    transform: { eventSourceMapping },
  },
);

/** What cannot be delivered for an hour has lost its meaning: state was looked at again many times since. */
const target = {
  deadLetterConfig: { arn: deadLetters.arn },
  retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 10 },
};

/** The same for what was delivered and failed: the bus calls functions asynchronously and does not hear of it. */
const asynchronous = {
  retries: 2,
  transform: {
    eventInvokeConfig: {
      maximumEventAgeInSeconds: 3600,
      destinationConfig: { onFailure: { destination: deadLetters.arn } },
    },
  },
};

const release = releaseFunction("functions/events/release.handler");
bus.subscribe(
  "Release",
  { ...release, ...asynchronous, permissions: [...release.permissions, deadLetter] },
  {
    pattern: { source: ["fairlead"], detailType: ["source.changed", "app.changed", "cluster.changed"] },
    transform: { target },
  },
);

bus.subscribe(
  "Assign",
  {
    ...small,
    ...asynchronous,
    handler: "functions/events/assign.handler",
    // Three writes for each rank, ten ranks at a time: some thousand ranks.
    timeout: "2 minutes",
    environment: names,
    permissions: [readTable, writeTable, readObjects("targets"), listObjects, deadLetter],
  },
  { pattern: { source: ["fairlead"], detailType: ["rollout.released"] }, transform: { target } },
);
