/**
 * What a seed has besides one App that is edited and rolled out. Each is decided by, and draws from, a branch of its own: the
 * history of a seed without any of them stays what it was before there were such things.
 */
import type { Random } from "../kernel/random.ts";

/** Undefined: this seed has not got it. */
export interface Features {
  /** An App of its own that the first one depends on. */
  base: Random | undefined;
  /** Commits by which objects vanish, and budgets that they do not fit in. */
  losses: Random | undefined;
  /** Apps are deleted, and applied again. */
  deletions: Random | undefined;
  /** Gates that answer when they have been asked again already. */
  late: Random | undefined;
}

const OFTEN = 1 / 4;

export function featuresOf(root: Random): Features {
  const some = (name: string): Random | undefined => {
    const random = root.branch(name);
    return random.chance(OFTEN) ? random : undefined;
  };
  return { base: some("base"), losses: some("losses"), deletions: some("deletions"), late: some("late") };
}
