/**
 * How the hub may reach a Source's repository: the Project must allow the address, and the credential that the Source
 * names must be there, be Git's kind, and be meant for that host. Says what is missing; never tells a value.
 */
import { assertNever } from "#core/assert.ts";
import { credentialSchema, type Credential } from "#core/credential.ts";
import { allowsSource, sourceRefusal } from "#core/project-rules.ts";
import type { Source } from "#core/source.ts";
import { hostOf } from "../outbound/address.ts";
import type { Outbound, OutboundFetch } from "../outbound/port.ts";
import type { SecretStore } from "../secrets/port.ts";
import type { Db } from "../store/db.ts";
import { getProject } from "../store/resource.ts";
import type { GitCredentials } from "./git-address.ts";
import { GitFailure, type GitFailed } from "./git-failure.ts";
import { appHost, forgetToken, installationToken, type TokenCache } from "./github-app.ts";

export interface WayDeps {
  db: Db;
  now: () => number;
  outbound: Outbound;
  secrets: SecretStore;
}

export interface Way {
  readonly kind: "way";
  readonly http: OutboundFetch;
  readonly credentials: GitCredentials | undefined;
  /** To be called when the server refused the credentials: a kept token may know less than a new one. */
  readonly forget: () => void;
}

/** One for each outbound client: a process has one. */
const caches = new WeakMap<Outbound, TokenCache>();

export async function wayTo(deps: WayDeps, source: Source, signal?: AbortSignal): Promise<Way | GitFailed> {
  try {
    return await findWay(deps, source, signal);
  } catch (error) {
    if (error instanceof GitFailure) return { kind: "failed", code: error.code, message: error.message };
    throw error;
  }
}

async function findWay(deps: WayDeps, source: Source, signal: AbortSignal | undefined): Promise<Way> {
  const { project: name } = source.metadata;
  const { url } = source.spec.git;
  const project = await getProject(deps.db, name);
  if (project === undefined)
    throw new GitFailure("refused", `There is no Project ${name}; apply it before its Sources`);
  if (!allowsSource(project, url))
    throw new GitFailure("refused", sourceRefusal(project, source.metadata.name, url));
  const http = deps.outbound.to(project.spec.egress);
  const cache = caches.get(deps.outbound) ?? (new Map() as TokenCache);
  caches.set(deps.outbound, cache);
  const credential = await credentialOf(deps.secrets, source);
  if (credential === undefined) return { kind: "way", http, credentials: undefined, forget: () => undefined };
  const tokens = { now: deps.now, http, cache, signal };
  return {
    kind: "way",
    http,
    credentials: await gitCredentials(tokens, credential, source),
    forget: () => {
      if (credential.kind === "github-app") forgetToken(cache, credential);
    },
  };
}

async function credentialOf(
  secrets: SecretStore,
  { metadata, spec }: Source,
): Promise<Credential | undefined> {
  if (spec.credentials === undefined) return undefined;
  const { project } = metadata;
  const text = await secrets.get(project, spec.credentials);
  if (text === undefined) throw faulty(spec.credentials, project, "is not there");
  const parsed = credentialSchema.safeParse(jsonOf(text));
  if (!parsed.success) throw faulty(spec.credentials, project, "is not readable");
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON fits no schema; the parser's words would quote it.
    return undefined;
  }
}

async function gitCredentials(
  tokens: Parameters<typeof installationToken>[0],
  credential: Credential,
  { metadata: { project }, spec }: Source,
): Promise<GitCredentials> {
  const name = spec.credentials ?? "";
  const host = hostOf(new URL(spec.git.url).hostname);
  const onlyFor = (hosts: readonly string[] | undefined): void => {
    if (hosts !== undefined && !hosts.some((one) => hostOf(one) === host))
      throw faulty(name, project, `is for ${hosts.join(", ")} alone, and is not sent to ${host}`);
  };
  switch (credential.kind) {
    case "token":
      onlyFor(credential.hosts);
      return { token: credential.token };
    case "basic":
      onlyFor(credential.hosts);
      return { username: credential.username, password: credential.password };
    case "github-app":
      onlyFor([appHost(credential)]);
      return { token: await installationToken(tokens, credential) };
    case "webhook":
      throw faulty(name, project, "signs webhooks and opens no repository");
    default:
      return assertNever(credential);
  }
}

function faulty(name: string, project: string, what: string): GitFailure {
  return new GitFailure(
    "credentials",
    `The credential ${name} of Project ${project} ${what}; store what is meant (fairlead credentials set ${name} --project ${project})`,
  );
}
