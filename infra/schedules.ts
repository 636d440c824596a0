/** Time: polling sources, the sweep that moves what a lost event left behind, the drift audit. */
import { release } from "./release.ts";
import { deadLetters } from "./bus.ts";
import {
  deleteRows,
  listObjects,
  names,
  readObjects,
  readTable,
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
    environment: names,
    permissions: [readTable, writeTable, writeObjects("trees")],
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

// The release function itself sweeps the Apps: no second function is given the signing key.
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
