/**
 * Where a promotion is written. Implementations: Git itself over smart HTTP (`git-host.ts`), and the APIs of GitHub, GitLab
 * and Gitea; held to one conformance suite. They throw `GitFailure`.
 */
import type { Entries, FileChange } from "#core/promotion/change.ts";

export interface GitHost {
  /** Everything below `folder` where the branch stands now; undefined where there is no such branch. */
  tree(branch: string, folder: string): Promise<HostTree | undefined>;
  /** A file that a tree named. */
  blob(id: string): Promise<Uint8Array>;
  /** One commit. `moved`: somebody else wrote meanwhile, and nothing was done. */
  commit(asked: CommitAsked): Promise<{ kind: "committed"; commit: string } | { kind: "moved" }>;
  /** Git alone has none. */
  readonly pulls: PullRequests | undefined;
}

export interface PullRequests {
  /** By its number, or the open one from `branch` into `into`, of this very repository. */
  find(wanted: { number: number } | { branch: string; into: string }): Promise<PullRequest | undefined>;
  /** Opens one, or says `title` and `body` of the one with this number anew. */
  offer(asked: Offer): Promise<PullRequest>;
}

export interface HostTree {
  readonly commit: string;
  readonly entries: Entries;
}

export interface CommitAsked {
  readonly branch: string;
  /** What it follows; absent: the branch is made, or made anew, from `start`. */
  readonly tip: string | undefined;
  readonly start: { readonly branch: string; readonly commit: string };
  readonly changes: readonly FileChange[];
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface PullRequest {
  readonly number: number;
  readonly url: string;
  readonly standing: "open" | "merged" | "closed";
}

export interface Offer {
  readonly number: number | undefined;
  readonly branch: string;
  readonly into: string;
  readonly title: string;
  readonly body: string;
}

export const TREE_ENTRIES_MAX = 5_000;
