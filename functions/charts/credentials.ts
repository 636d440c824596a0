/**
 * The credential that an App names for its chart, and to which addresses it is sent: the repository's own origin, and the
 * hosts that the credential itself names. Never over plain http, but for loopback. Says what is missing; never a value.
 */
import { httpAddress, isPrivateWay, type ChartRef } from "#core/chart.ts";
import { credentialSchema } from "#core/credential.ts";
import { hostOf } from "../outbound/address.ts";
import type { SecretStore } from "../secrets/port.ts";
import { ChartFailure } from "./failure.ts";

export interface ChartCredentials {
  /** For `Basic`; a token is the password of the user that Git hosts and their registries take. */
  readonly basic: string;
  /** For a Helm repository: a token goes as a bearer. */
  readonly header: string;
  /** Whether it may be sent there. */
  readonly isFor: (url: URL) => boolean;
  /** Whether a registry's token server may have it: one on another host is usual, and named by the registry itself. */
  readonly isForRealm: (url: URL) => boolean;
}

const TOKEN_USERNAME = "x-access-token";

/** Undefined where the App names none. Throws `ChartFailure`. */
export async function chartCredentials(
  secrets: SecretStore,
  project: string,
  chart: ChartRef,
): Promise<ChartCredentials | undefined> {
  const { credentials: name } = chart;
  const address = httpAddress(chart.repository);
  if (name === undefined || address === undefined) return undefined;
  const faulty = (what: string) =>
    new ChartFailure(
      "credentials",
      `the credential ${name} of Project ${project} ${what}; store what is meant (fairlead credentials set ${name} --project ${project})`,
    );
  const text = await secrets.get(project, name);
  if (text === undefined) throw faulty("is not there");
  const parsed = credentialSchema.safeParse(jsonOf(text));
  if (!parsed.success) throw faulty("is not readable");
  const credential = parsed.data;
  if (credential.kind !== "token" && credential.kind !== "basic")
    throw faulty(
      `is of kind ${credential.kind} and opens no repository of charts: take a token or a password`,
    );
  const hosts = credential.hosts?.map(hostOf);
  if (hosts !== undefined && !hosts.includes(hostOf(address.hostname)))
    throw faulty(`is for ${hosts.join(", ")} alone, and is not sent to ${address.hostname}`);
  const pair =
    credential.kind === "token"
      ? `${TOKEN_USERNAME}:${credential.token}`
      : `${credential.username}:${credential.password}`;
  const basic = `Basic ${Buffer.from(pair).toString("base64")}`;
  const isNamed = (url: URL) => hosts?.includes(hostOf(url.hostname)) === true;
  const isOwn = (url: URL) => isPrivateWay(url) && (url.origin === address.origin || isNamed(url));
  return {
    basic,
    header: credential.kind === "token" ? `Bearer ${credential.token}` : basic,
    isFor: isOwn,
    isForRealm: (url) => isOwn(url) || (hosts === undefined && isPrivateWay(url)),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON fits no schema; the parser's words would quote it.
    return undefined;
  }
}
