/** Keys as they stand in tables that exist, and how evenly one App's clusters spread over its partitions. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keys, kindOf, lists, PLACEMENT_SHARDS, SHARDS, shardOf } from "../../../functions/store/table.ts";

const CLUSTERS = 100_000;
const namings: [string, (n: number) => string][] = [
  ["numbered", (n) => `cluster-${n}`],
  ["padded", (n) => `c${String(n).padStart(6, "0")}`],
  ["by region and shop", (n) => `eu-west-${n % 3}-store-${Math.floor(n / 3)}-prod`],
];

describe("shards", () => {
  it.each(namings)("hold 100,000 %s clusters evenly: none is a tenth above the mean", (_, name) => {
    for (const shards of [SHARDS, PLACEMENT_SHARDS]) {
      const counts = Array.from({ length: shards }, () => 0);
      for (let n = 0; n < CLUSTERS; n++) {
        const shard = shardOf(name(n), shards);
        counts[shard] = (counts[shard] ?? 0) + 1;
      }
      expect(Math.max(...counts)).toBeLessThanOrEqual((1.1 * CLUSTERS) / shards);
      expect(Math.min(...counts)).toBeGreaterThan(0);
    }
  });

  it("keep two of them below what a partition takes, when every cluster moves within 100 seconds", () => {
    // The mark of the assignment, and reports: received, progressing, healthy, one more for what stalls between.
    const writes = 5;
    const perShard = (1.1 * CLUSTERS * writes) / PLACEMENT_SHARDS / 100;
    expect(2 * perShard).toBeLessThan(1_000);
  });
});

describe("keys", () => {
  it("of what is listed stand in the partitions that the list reads", () => {
    const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?$/);
    fc.assert(
      fc.property(name, name, name, (p, a, c) => {
        const listed = [
          [keys.project(p), lists.projects(), "project"],
          [keys.pastProject(p), lists.pastProjects(), undefined],
          [keys.source(p, a), lists.sources(p), "source"],
          [keys.sourceState(p, a), lists.sourceStates(p), "source-state"],
          [keys.app(p, a), lists.apps(p), "app"],
          [keys.policy(p, a), lists.policies(p), "policy"],
          [keys.cluster(p, c), lists.clusters(p), "cluster"],
          [keys.placement(p, a, c), lists.placements(p, a), "placement"],
          [keys.release(p, a, 7), lists.releases(p, a), "release"],
          [keys.rollout(p, a, 7), lists.rollouts(p, a), "rollout"],
          [keys.scan(p, a, 7, c), lists.scans(p, a, 7), undefined],
          [keys.beat(p, c), lists.beats(p), undefined],
          [keys.served(p, c), lists.served(p), "served"],
          [keys.assignment(p, c, a), lists.assignments(p, c), undefined],
          [keys.appState(p, a), lists.appStates(p), undefined],
        ] as const;
        for (const [key, partitions, kind] of listed) {
          const holding = partitions.filter(({ pk, prefix }) => pk === key.pk && key.sk.startsWith(prefix));
          expect(holding).toHaveLength(1);
          expect(kindOf(key)).toBe(kind);
        }
      }),
    );
  });

  it("of two projects never share a partition, but in the list of projects", () => {
    const all = (p: string) =>
      [
        keys.source(p, "x"),
        keys.app(p, "x"),
        keys.appState(p, "x"),
        keys.policy(p, "x"),
        keys.credential(p, "x"),
        keys.nudge(p, "x"),
        keys.cluster(p, "x"),
        keys.beat(p, "x"),
        keys.served(p, "x"),
        keys.placement(p, "x", "x"),
        keys.release(p, "x", 1),
        keys.line(p, "x"),
        keys.assignment(p, "x", "x"),
        keys.apiTokenEntry(p, "x"),
        keys.logBatch(p, 1),
        keys.driftAudit(p, "x"),
      ].map(({ pk }) => pk);
    const names = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?$/);
    fc.assert(
      fc.property(names, names, (one, other) => {
        if (one === other) return;
        const theirs = new Set(all(other));
        expect(all(one).filter((pk) => theirs.has(pk))).toEqual([]);
      }),
    );
  });
});
