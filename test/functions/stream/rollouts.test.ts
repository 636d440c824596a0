/** What a stream's batch means for rollouts: who has something to see, what is a fact, what is told in the timeline. */
import { marshall } from "@aws-sdk/util-dynamodb";
import type { DynamoDBRecord } from "aws-lambda";
import { describe, expect, it } from "vitest";
import type { Rollout } from "#core/rollout.ts";
import { keys, type Key } from "../../../functions/store/table.ts";
import { factsOf } from "../../../functions/stream/facts.ts";
import { rolloutsReported } from "../../../functions/stream/rollouts.ts";
import { rollout, stage } from "../../support/rollout.ts";

function record(key: Key, before: object | undefined, after: object): DynamoDBRecord {
  const image = (item: object) => marshall({ ...key, ...item }, { removeUndefinedValues: true }) as never;
  return {
    dynamodb: {
      Keys: marshall({ ...key }) as never,
      NewImage: image(after),
      ...(before === undefined ? {} : { OldImage: image(before) }),
    },
  };
}

describe("rolloutsReported", () => {
  const place = (seq: number, phase: string, rank = 3) => ({
    project: "default",
    app: "shop",
    cluster: "eu-1",
    assigned: { action: "apply", epoch: 1, generation: 5, release: 5, at: 0, rollout: 7, rank },
    observed: {
      seq,
      epoch: 1,
      generation: 5,
      release: 5,
      phase,
      message: "",
      objects: 1,
      outcomes: {},
      drift: 0,
      at: 1,
    },
  });
  const key = keys.placement("default", "shop", "eu-1");
  const names = (before: object | undefined, after: object) => rolloutsReported([record(key, before, after)]);

  it("names the rollout that moved the cluster, and its rank", () => {
    const found = [{ project: "default", app: "shop", release: 7, reported: [{ rank: 3, cluster: "eu-1" }] }];
    expect(names(place(1, "progressing"), place(2, "healthy"))).toEqual(found);
    expect(names(place(2, "healthy"), place(3, "progressing"))).toEqual(found);
    expect(names(place(1, "progressing"), place(2, "failed"))).toEqual(found);
  });

  it("passes over what changes nothing of what a rollout knows", () => {
    expect(names(place(1, "received"), place(2, "progressing"))).toEqual([]);
    expect(names(place(2, "healthy"), place(3, "healthy"))).toEqual([]);
    expect(names(place(2, "healthy"), place(2, "healthy"))).toEqual([]);
  });

  it("folds a batch into one look, a cluster once", () => {
    const twice = record(key, place(1, "progressing"), place(2, "healthy"));
    expect(rolloutsReported([twice, twice])[0]?.reported).toHaveLength(1);
  });
});

describe("factsOf a rollout", () => {
  const key = keys.rollout("default", "shop", 2);
  const wide = rollout({ total: 2_000, stages: [stage("canary", 0, 1), stage("rest", 1, 2_000)] });
  const facts = (before: Rollout, change: Partial<Rollout>) =>
    factsOf(record(key, before, { ...before, ...change }));
  const ranks = (count: number) => Array.from({ length: count }, (_, rank) => rank);

  it("hands many ranks out in parts with the fence; a few were assigned by who released them", () => {
    expect(facts(wide, { released: 10, out: ranks(10) })).toEqual([]);
    expect(facts(wide, { released: 1_200, out: ranks(1_200) })).toMatchObject([
      { type: "rollout.released", detail: { fence: 1, from: 0, to: 500 } },
      { type: "rollout.released", detail: { from: 500, to: 1_000 } },
      { type: "rollout.released", detail: { from: 1_000, to: 1_200 } },
    ]);
  });

  it("tells that it waits for a yes, has the App looked at once that is there, and its start after that", () => {
    const state = { kind: "withheld", since: 0, reason: "it would delete all", authors: [] } as const;
    const held = { ...wide, state };
    const approved = { ...held, state: { ...state, approved: { by: "user:eve", at: 1 } } };
    const types = (before: Rollout | undefined, after: Rollout) =>
      factsOf(record(key, before, after)).map(({ type }) => type);
    expect(types(undefined, held)).toEqual(["rollout.withheld"]);
    expect(types(held, approved)).toEqual(["app.changed"]);
    expect(types(approved, wide)).toEqual(["rollout.started"]);
    expect(types(held, { ...wide, state: { kind: "aborted", at: 1, by: "user:eve" } })).toEqual([
      "rollout.aborted",
    ]);
  });

  it("tells each state and each stage once", () => {
    expect(facts(wide, { stage: 1 })).toMatchObject([
      { type: "rollout.stage.started", detail: { stage: "rest" } },
    ]);
    const back = { kind: "rolling-back", reason: "x", since: 1 } as const;
    expect(facts(wide, { state: back })).toMatchObject([
      { type: "rollout.rolling-back", detail: { reason: "x" } },
    ]);
    expect(facts({ ...wide, state: back }, { fence: 9 })).toEqual([]);
    // Its list was asked for and is not there: told again.
    expect(facts({ ...wide, state: back }, { state: { ...back, asked: 9 } })).toMatchObject([
      { type: "rollout.rolling-back" },
    ]);
  });

  it("has a gate judged when it is asked for, and once more when it is asked for again", () => {
    const run = { stage: "canary", gate: "errors", attempt: 7, failures: 0, inconclusive: 0 };
    const at = (ms: number) => ({ gates: [{ ...run, asked: { at: ms, soaked: true } }] });
    const detail = { stage: "canary", gate: "errors", attempt: 7 };
    const asked = [{ type: "rollout.gate.asked", detail }];
    expect(facts(wide, at(1))).toMatchObject(asked);
    expect(facts({ ...wide, ...at(1) }, at(90_001))).toMatchObject(asked);
    expect(facts({ ...wide, ...at(1) }, { stage: 0 })).toEqual([]);
    expect(facts({ ...wide, ...at(1) }, { gates: [run] })).toEqual([]);
  });

  it("lets the App be looked at again when a pin is lifted", () => {
    const state = { kind: "rolled-back", reason: "x", at: 1 } as const;
    expect(factsOf(record(key, { ...wide, state, pinned: true }, { ...wide, state }))).toEqual([
      { type: "app.changed", detail: { project: "default", app: "shop" } },
    ]);
  });
});
