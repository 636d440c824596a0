/** Stream → relay and rollouts; bus → releases and assignments. Every handler may be called twice for the same thing. */
import { bus, deadLetters } from "./bus.ts";
import { releaseFunction } from "./release.ts";
import { listObjects, names, publish, readObjects, readTable, small, writeTable } from "./rights.ts";
import { table } from "./table.ts";

table.subscribe("Relay", {
  ...small,
  handler: "functions/events/relay.handler",
  environment: { ...names, FAIRLEAD_BUS: bus.name },
  permissions: [publish],
});

table.subscribe("RolloutTick", {
  ...small,
  handler: "functions/events/rollout-tick.handler",
  environment: names,
  permissions: [readTable, writeTable, readObjects, listObjects],
});

/** An hour of retries, then the dead-letter queue: a shorter life than the facts keep their meaning. */
const target = {
  deadLetterConfig: { arn: deadLetters.arn },
  retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 10 },
};

bus.subscribe("Release", releaseFunction("functions/events/release.handler"), {
  pattern: { source: ["fairlead"], detailType: ["source.changed", "app.changed", "cluster.changed"] },
  transform: { target },
});

bus.subscribe(
  "Assign",
  {
    ...small,
    handler: "functions/events/assign.handler",
    // A range of a hundred ranks is three hundred writes.
    timeout: "2 minutes",
    environment: names,
    permissions: [readTable, writeTable, readObjects, listObjects],
  },
  { pattern: { source: ["fairlead"], detailType: ["rollout.released"] }, transform: { target } },
);
