/** A changed Project or Policy is a fact, so that Apps are held against it at once; what says nothing new is none. */
import { marshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { describe, expect, it } from "vitest";
import type { Item } from "../../../functions/store/db.ts";
import { keys, type Key } from "../../../functions/store/table.ts";
import { factsOf } from "../../../functions/stream/facts.ts";

function record(key: Key, before: Item | undefined, after: Item | undefined): DynamoDBRecord {
  const image = (item: Item) => marshall({ ...key, ...item }) as never;
  return {
    dynamodb: {
      Keys: marshall({ ...key }) as never,
      ...(before === undefined ? {} : { OldImage: image(before) }),
      ...(after === undefined ? {} : { NewImage: image(after) }),
    },
  };
}

describe("factsOf", () => {
  const at = (version: number): Item => ({ project: "web", name: "web", version });
  const policyAt = (version: number): Item => ({ project: "web", name: "no-latest", version });

  it("tells of a Project that came, changed or went, and not of one that is as before", () => {
    const facts = (before: Item | undefined, after: Item | undefined) =>
      factsOf(record(keys.project("web"), before, after));
    const changed = [{ type: "project.changed", detail: { project: "web" } }];
    expect(facts(undefined, at(1))).toEqual(changed);
    expect(facts(at(1), at(2))).toEqual(changed);
    expect(facts(at(2), undefined)).toEqual(changed);
    expect(facts(at(2), at(2))).toEqual([]);
  });

  it("tells of a Policy with its project", () => {
    const key = keys.policy("web", "no-latest");
    expect(factsOf(record(key, policyAt(1), policyAt(2)))).toEqual([
      { type: "policy.changed", detail: { project: "web", policy: "no-latest" } },
    ]);
    expect(factsOf(record(key, policyAt(2), policyAt(2)))).toEqual([]);
  });
});
