/**
 * What writes to Git hosts: it holds no signing key, reads the content that it copies, and deletes nothing. The bus wakes it
 * for a rollout that succeeded, a schedule for soaks that are over and pull requests that were merged.
 */
import { bus, deadLetters } from "./bus.ts";
import { asynchronous, target } from "./failures.ts";
import {
  deadLetter,
  listObjects,
  names,
  readObjects,
  readSecrets,
  readTable,
  secretNames,
  small,
  writeTable,
} from "./rights.ts";

const promote = new sst.aws.Function("Promote", {
  ...small,
  ...asynchronous,
  handler: "functions/events/promote.handler",
  // A repository behind plain Git is unpacked in memory.
  memory: "1024 MB",
  // Four at a time, each with 90 seconds for its host.
  timeout: "5 minutes",
  environment: { ...names, ...secretNames },
  permissions: [
    readTable,
    writeTable,
    readObjects("trees", "targets", "bundles", "reads"),
    listObjects,
    readSecrets,
    deadLetter,
  ],
});

bus.subscribe("Promote", promote.arn, {
  pattern: {
    source: ["fairlead"],
    detailType: ["rollout.succeeded", "promotion.changed", "promotion.asked"],
  },
  transform: { target },
});

new sst.aws.CronV2("SweepPromotions", {
  schedule: "rate(1 minute)",
  retries: 2,
  dlq: deadLetters.arn,
  function: promote.arn,
  event: { sweep: true },
});
