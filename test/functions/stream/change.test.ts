/** Four readers ask the same record of the stream: facts, audit log, timelines, rollouts. */
import { marshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { expect, it } from "vitest";
import { draftOf } from "../../../functions/audit-log/records.ts";
import { keys } from "../../../functions/store/table.ts";
import { factsOf } from "../../../functions/stream/facts.ts";
import { rolloutsReported } from "../../../functions/stream/rollouts.ts";

it("unpacks a record's images once, however many ask what changed", () => {
  const key = keys.placement("default", "shop", "eu-1");
  const assigned = { action: "apply", epoch: 1, generation: 5, release: 5, at: 0, rollout: 7, rank: 3 };
  const item = (more: object) =>
    marshall({ ...key, project: "default", app: "shop", cluster: "eu-1", ...more }) as never;
  let reads = 0;
  const record: DynamoDBRecord = {
    dynamodb: {
      Keys: marshall({ ...key }) as never,
      get OldImage() {
        reads += 1;
        return item({});
      },
      get NewImage() {
        reads += 1;
        return item({ assigned });
      },
    },
  };
  expect(factsOf(record)).toEqual([]);
  expect(draftOf(record)).toMatchObject({ noun: "assignment", after: assigned });
  expect(rolloutsReported([record])).toEqual([]);
  expect(reads).toBe(2);
});
