/**
 * Opens a Promotion's host: the Project must allow the repository, and the credential must be for it. The same rules as for
 * reading it (`functions/source/way.ts`); only the right to write is the credential's own.
 */
import { assertNever } from "#core/assert.ts";
import type { Promotion } from "#core/promotion.ts";
import type { PromotionTarget } from "#core/promotion/target.ts";
import type { Source } from "#core/source.ts";
import type { GitCredentials } from "../source/git-address.ts";
import { GitFailure } from "../source/git-failure.ts";
import { wayTo, type WayDeps } from "../source/way.ts";
import { gitHost } from "./git-host.ts";
import { giteaHost } from "./gitea.ts";
import { githubHost } from "./github.ts";
import { gitlabHost } from "./gitlab.ts";
import type { GitHost } from "./port.ts";
import { createRest, type Rest, type RestOptions } from "./rest.ts";

const GITHUB = { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" };

export interface OpenedHost {
  host: GitHost;
  /** To be called when the host refused the credentials. */
  forget: () => void;
}

/** Throws `GitFailure`. */
export async function openHost(
  deps: WayDeps,
  promotion: Promotion,
  to: Source,
  target: PromotionTarget,
  signal: AbortSignal,
): Promise<OpenedHost> {
  const { host } = promotion.spec;
  const { credentials: _, ...spec } = to.spec;
  const written = host.credentials === undefined ? {} : { credentials: host.credentials };
  const way = await wayTo(deps, { ...to, spec: { ...spec, ...written } }, signal);
  if (way.kind === "failed") throw new GitFailure(way.code, way.message);
  const { http, credentials, forget } = way;
  if (host.kind === "git")
    return { host: gitHost({ url: target.address, credentials, http, signal }), forget };
  const { api, repository } = target;
  const rest = (headers: Record<string, string>): Rest => {
    const secret = secretOf(credentials);
    const options: RestOptions = { api, headers, secret, http, signal };
    return createRest(options);
  };
  return { host: restHost(host.kind, rest, repository, credentials), forget };
}

function restHost(
  kind: "github" | "gitlab" | "gitea",
  rest: (headers: Record<string, string>) => Rest,
  repository: string,
  credentials: GitCredentials | undefined,
): GitHost {
  switch (kind) {
    case "github":
      return githubHost(rest({ ...GITHUB, ...authorization(credentials, "Bearer") }), repository);
    case "gitea":
      return giteaHost(rest(authorization(credentials, "token")), repository);
    case "gitlab": {
      // Its API takes no user names: what stands beside one is an access token.
      const token = secretOf(credentials);
      return gitlabHost(rest(token === undefined ? {} : { authorization: `Bearer ${token}` }), repository);
    }
    default:
      return assertNever(kind);
  }
}

function secretOf(credentials: GitCredentials | undefined): string | undefined {
  if (credentials === undefined) return undefined;
  return "token" in credentials ? credentials.token : credentials.password;
}

function authorization(credentials: GitCredentials | undefined, scheme: string): Record<string, string> {
  if (credentials === undefined) return {};
  if ("token" in credentials) return { authorization: `${scheme} ${credentials.token}` };
  const pair = Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
  return { authorization: `Basic ${pair}` };
}
