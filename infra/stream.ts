/**
 * The table's stream → relay with audit log, and rollouts. Two functions at most may read a stream, and one where its table has
 * copies in other regions (AWS says so of both), which then does the work of both. Every record may come twice.
 */
import { bus } from "./bus.ts";
import { eventSourceMapping } from "./failures.ts";
import { place } from "./regions.ts";
import {
  deadLetter,
  deleteRows,
  listObjects,
  names,
  publish,
  readObjects,
  readTable,
  small,
  writeObjects,
  writeTable,
} from "./rights.ts";
import { table } from "./table.ts";

const alone = place.kind === "alone";
const ticking = [deleteRows, readObjects("targets"), listObjects];

table.subscribe(
  // One name for both: a hub that gets a second region goes on in its stream where it was.
  "Relay",
  {
    ...small,
    handler: alone ? "functions/events/relay.handler" : "functions/events/relay-and-tick.handler",
    environment: { ...names, FAIRLEAD_BUS: bus.name },
    permissions: [
      publish,
      readTable,
      writeTable,
      writeObjects("audit-log"),
      deadLetter,
      ...(alone ? [] : ticking),
    ],
  },
  {
    // Heartbeats and counts are no facts, and they are what an idle fleet writes. What the relay itself writes has `log`.
    filters: [
      {
        dynamodb: {
          NewImage: {
            heardAt: { N: [{ exists: false }] },
            log: { S: [{ exists: false }] },
            meteredAt: { N: [{ exists: false }] },
          },
        },
      },
    ],
    transform: { eventSourceMapping },
  },
);

if (alone)
  table.subscribe(
    "RolloutTick",
    {
      ...small,
      handler: "functions/events/rollout-tick.handler",
      environment: names,
      permissions: [readTable, writeTable, ...ticking, deadLetter],
    },
    {
      // Only placements that a cluster reported on. The relay's filter lets them pass too.
      filters: [{ dynamodb: { NewImage: { observed: { M: { seq: { N: [{ exists: true }] } } } } } }],
      transform: { eventSourceMapping },
    },
  );
