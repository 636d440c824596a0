/** Time: polling sources, the sweep that moves what a lost event left behind, the drift audit. */
import { releaseFunction } from "./release.ts";
import { deadLetters } from "./bus.ts";
import { names, readTable, small, writeObjects, writeTable } from "./rights.ts";

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
  function: releaseFunction("functions/events/sweep.handler"),
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
