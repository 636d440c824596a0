/**
 * Where a Promotion may write: the repository of the Source that it names, by an API of that Source's own host, never into
 * what the App that it is from reads. A credential so goes to no host that the Project's `sources` do not allow.
 */
import type { App } from "../app.ts";
import { sourceAddress } from "../project-rules.ts";
import type { Promotion } from "../promotion.ts";
import type { Source } from "../source.ts";

export interface PromotionTarget {
  /** The repository, for Git itself. */
  address: string;
  /** Of the host's API, without a slash at its end; for Git itself the repository. */
  api: string;
  /** `owner/name`. */
  repository: string;
  branch: string;
  /** The App is read from that very branch, so what is written could come back to it. */
  isShared: boolean;
}

export type Aimed = { kind: "aimed"; target: PromotionTarget } | { kind: "refused"; message: string };

export interface Around {
  app: App | undefined;
  /** Where the App is read. */
  from: Source | undefined;
  to: Source | undefined;
}

/** `to` must be allowed by the Project: its caller sees to that. */
export function aim({ spec }: Promotion, { app, from, to }: Around): Aimed {
  if (to === undefined)
    return refused(`there is no Source ${spec.to.source}: apply it, or name another in to.source`);
  if (app === undefined)
    return refused(`there is no App ${spec.from.app}: apply it, or name another in from.app`);
  const branch = spec.to.branch ?? branchOf(to);
  if (branch === undefined)
    return refused(`Source ${spec.to.source} reads no branch: name the one to write to in to.branch`);
  const url = new URL(to.spec.git.url);
  const path = decodeURI(url.pathname)
    .replace(/^\/+|\/+$/g, "")
    .replace(/\.git$/, "");
  const repository = spec.host.repository ?? path;
  if (spec.host.kind !== "git" && path !== repository && !path.endsWith(`/${repository}`))
    return refused(
      `host.repository ${repository} is not the repository of Source ${spec.to.source} (${to.spec.git.url}): they must be one`,
    );
  const api = apiOf(spec.host, url);
  if (new URL(api).hostname.replace(/^api\./, "") !== url.hostname)
    return refused(
      `host.url ${api} is on another host than Source ${spec.to.source} (${url.hostname}): credentials go to that one alone`,
    );
  // A tag or a commit may come from that branch too, but does not move by a commit to it.
  const isShared = from !== undefined && repositoryOf(from) === repositoryOf(to) && branchOf(from) === branch;
  if (isShared && reads(app, spec.to.path))
    return refused(
      `App ${spec.from.app} itself reads ${spec.to.path} of branch ${branch}: promoting into it would never end; write to another path`,
    );
  const address = url.href.replace(/\/+$/, "");
  return { kind: "aimed", target: { address, api, repository, branch, isShared } };
}

function branchOf({ spec }: Source): string | undefined {
  return "branch" in spec.git.ref ? spec.git.ref.branch : undefined;
}

function apiOf({ kind, url }: Promotion["spec"]["host"], source: URL): string {
  const plain = (url ?? "").replace(/\/+$/, "");
  if (kind === "git") return source.href;
  if (kind === "gitlab") return `${plain || source.origin}/api/v4`;
  if (kind === "gitea") return `${plain || source.origin}/api/v1`;
  if (plain !== "") return plain;
  return source.hostname === "github.com" ? "https://api.github.com" : `${source.origin}/api/v3`;
}

/** By its path alone; what its renders read besides is looked at before something is written. */
function reads({ spec }: App, path: string): boolean {
  const paths = [spec.path, ...spec.overrides.flatMap((one) => (one.path === undefined ? [] : [one.path]))];
  return paths.some((read) => overlaps(partsOf(read), partsOf(path)));
}

function repositoryOf({ spec }: Source): string | undefined {
  return sourceAddress(spec.git.url)
    ?.toLowerCase()
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
}

function partsOf(path: string): string[] {
  // A place that is filled in for each cluster may be any name.
  const parts = path.replaceAll(/\$\{[^}]*\}/g, "*").split("/");
  return parts.filter((part) => part !== "" && part !== ".");
}

/** One of them is, or is above, the other. */
function overlaps(a: readonly string[], b: readonly string[]): boolean {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [one = "", other = ""] = [a[index], b[index]];
    if (!one.includes("*") && !other.includes("*") && one !== other) return false;
  }
  return true;
}

function refused(message: string): Aimed {
  return { kind: "refused", message };
}
