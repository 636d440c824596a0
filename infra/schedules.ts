/** Time: polling sources, the sweep that moves what a lost event left behind, the drift audit. */
import { release } from "./release.ts";
import { deadLetters } from "./bus.ts";
import {
  deleteObjects,
  deleteRows,
  listObjects,
  listVersions,
  names,
  readObjects,
  readSecrets,
  readTable,
  secretNames,
  small,
  writeObjects,
  writeTable,
} from "./rights.ts";

/** A slot that was missed is worth two more tries. */
const retries = 2;

new sst.aws.CronV2("PollSources", {
  schedule: "rate(1 minute)",
  retries,
  dlq: deadLetters.arn,
  function: {
    ...small,
    handler: "functions/events/poll-sources.handler",
    // A large repository is unpacked in memory.
    memory: "1024 MB",
    timeout: "2 minutes",
    environment: { ...names, ...secretNames },
    permissions: [
      readTable,
      writeTable,
      readObjects("trees"),
      writeObjects("trees"),
      listObjects,
      readSecrets,
    ],
  },
});

new sst.aws.CronV2("Sweep", {
  schedule: "rate(1 minute)",
  retries,
  dlq: deadLetters.arn,
  function: {
    ...small,
    handler: "functions/events/sweep.handler",
    // It assigns what was lost, ten ranks at a time.
    timeout: "2 minutes",
    environment: names,
    permissions: [readTable, writeTable, deleteRows, readObjects("targets"), listObjects],
  },
});

// The release function itself sweeps the Apps: no second function may use the signing key.
new sst.aws.CronV2("SweepApps", {
  schedule: "rate(1 minute)",
  retries,
  dlq: deadLetters.arn,
  function: release.arn,
  event: { sweep: true },
});

new sst.aws.CronV2("DriftAudit", {
  schedule: "cron(0 * * * ? *)",
  retries,
  dlq: deadLetters.arn,
  function: {
    ...small,
    handler: "functions/events/drift-audit.handler",
    timeout: "5 minutes",
    environment: names,
    permissions: [readTable, writeTable, writeObjects("drift-audits")],
  },
});

/** Content by digest that nothing names any more. */
const collected = ["apis", "bundles", "charts", "reads", "targets", "trees"] as const;
new sst.aws.CronV2("CollectGarbage", {
  schedule: "rate(1 day)",
  retries,
  dlq: deadLetters.arn,
  function: {
    ...small,
    handler: "functions/events/collect-garbage.handler",
    // Digests of all that is needed are held at once.
    memory: "1024 MB",
    // What it does not get to, the next run does.
    timeout: "15 minutes",
    environment: names,
    permissions: [
      readTable,
      deleteRows,
      listObjects,
      listVersions,
      deleteObjects(...collected),
      // What is in use is made young again, by a copy onto itself.
      readObjects(...collected),
      writeObjects(...collected),
    ],
  },
});
