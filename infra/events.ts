/** Bus → releases, assignments, looks and gates. Every handler may be called twice for the same thing. */
import { bus } from "./bus.ts";
import { asynchronous, target } from "./failures.ts";
import { release } from "./release.ts";
import {
  deadLetter,
  deleteRows,
  listObjects,
  names,
  readObjects,
  readSecrets,
  readTable,
  secretNames,
  small,
  writeObjects,
  writeTable,
} from "./rights.ts";

bus.subscribe("Release", release.arn, {
  pattern: {
    source: ["fairlead"],
    detailType: [
      "source.changed",
      "app.changed",
      "cluster.changed",
      "cluster.served",
      "project.changed",
      "policy.changed",
      "rollout.rolling-back",
    ],
  },
  transform: { target },
});

bus.subscribe(
  "LookSource",
  {
    ...small,
    ...asynchronous,
    handler: "functions/events/look-source.handler",
    // The same work as a poll's: a large repository is unpacked in memory.
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
      deadLetter,
    ],
  },
  { pattern: { source: ["fairlead"], detailType: ["source.nudged"] }, transform: { target } },
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

// It asks servers that Apps name, and may sign with what the secret store holds: it has no signing key and writes no object.
bus.subscribe(
  "Judge",
  {
    ...small,
    ...asynchronous,
    handler: "functions/events/judge.handler",
    // The bundles of a release are read for their images.
    memory: "1024 MB",
    timeout: "1 minute",
    environment: { ...names, ...secretNames },
    permissions: [
      readTable,
      // The rollout's next step is taken where its gate has answered: that may end it.
      writeTable,
      deleteRows,
      readObjects("bundles", "targets"),
      listObjects,
      readSecrets,
      deadLetter,
    ],
  },
  { pattern: { source: ["fairlead"], detailType: ["rollout.gate.asked"] }, transform: { target } },
);
