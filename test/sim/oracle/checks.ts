/** What the single checks are given: what is true, what was told, and a way to say that something does not hold. */
import type { Said } from "../world/judge.ts";
import type { Facts } from "./facts.ts";
import type { Needs } from "./needs.ts";

/** Clocks of functions differ by up to two seconds, each way. */
export const SKEW_MS = 4_000;

/** What is read may be so old, where it may be old at all. */
export const OLD_MS = 4_000;

export interface Checks {
  readonly facts: Facts;
  /** How many of the checks had something to check. */
  readonly checked: { assignments: number; gates: number; returns: number };
  now(): number;
  /** Whether the cluster is there still. */
  isThere(cluster: string): boolean;
  /** What people told rollouts of this App. */
  readonly told: readonly { release: number; command: string; by: string }[];
  /** What gates were answered. */
  readonly said: readonly Said[];
  /** Of the App that this one depends on, where the seed has one. */
  readonly needs: Needs | undefined;
  must(holds: boolean, what: string): void;
}
