/** Rollouts as plain data for tests of what is decided about them. */
import { UNMOVED, type ObservedTarget, type Rollout, type Stage, type Standing } from "#core/rollout.ts";

export const stage = (name: string, from: number, to: number, change: Partial<Stage> = {}): Stage => ({
  name,
  from,
  to,
  maxUnavailable: 1,
  ...change,
});

export function rollout(change: Partial<Rollout> = {}): Rollout {
  const total = change.total ?? 4;
  return {
    ...UNMOVED,
    project: "default",
    app: "shop",
    release: 2,
    commit: "c".repeat(40),
    targets: "t",
    total,
    generation: 3,
    stages: [stage("rest", 0, total, { maxUnavailable: 2 })],
    deadlineMs: 60_000,
    state: { kind: "running" },
    startedAt: 0,
    version: 1,
    ...change,
  };
}

export const available: Standing = { kind: "available" };
export const moving: Standing = { kind: "moving", assigned: true };
export const owed: Standing = { kind: "moving", assigned: false };
export const failed: Standing = { kind: "failed", reason: "image not found" };
export const silent: Standing = { kind: "silent" };
export const ready: Standing = { kind: "ready", unavailable: false };
export const broken: Standing = { kind: "ready", unavailable: true };

export const seen = (rank: number, standing: Standing): ObservedTarget => ({
  rank,
  cluster: `c${rank}`,
  standing,
});

/** From rank `from` on, one standing each. */
export function row(from: number, ...standings: Standing[]): ObservedTarget[] {
  return standings.map((standing, index) => seen(from + index, standing));
}
