/**
 * From a proof to a caller. Four kinds: an API token, an ID token of people's provider, a token of a CI system that a
 * Project's roles name, a browser's session. Whatever does not prove somebody proves nobody.
 */
import type { Outbound } from "../outbound/port.ts";
import { assertNever } from "#core/assert.ts";
import { sha256 } from "#core/digest.ts";
import type { Caller } from "../api/caller.ts";
import type { Log } from "../api/errors.ts";
import { getApiToken } from "../store/api-token.ts";
import type { Db } from "../store/db.ts";
import { findHub } from "../store/hub.ts";
import { getSession } from "../store/session.ts";
import { jobOf, personOf } from "./actors.ts";
import { ciIssuers, type CiIssuers } from "./ci-issuers.ts";
import { createIssuers, namedIssuer, type Issuers, type Verified } from "./issuers.ts";
import { audiencesOf, groupsClaimOf, issuerHost, type OidcConfig } from "./oidc-config.ts";

export interface IdentityDeps {
  db: Db;
  now: () => number;
  log: Log;
  outbound: Outbound;
  /** Where agents reach this hub: one of the audiences that a CI system's token may name. */
  hubUrl: string;
  /** Where browsers reach this hub, when that is not what requests themselves say: behind a domain of its own. */
  pageUrl?: string | undefined;
  oidc?: OidcConfig | undefined;
}

export type Proof = { kind: "bearer"; token: string } | { kind: "session"; value: string };
export type Proved =
  | { kind: "caller"; caller: Caller }
  | { kind: "nobody"; message: string }
  | { kind: "away"; message: string };

/** Longer than any honest one; the gateway's own limit for all headers is of that size. */
const PROOF_CHARS_MAX = 12_000;

export interface Prover {
  /** `origin` is where the request itself came to. */
  prove(proof: Proof, origin: string): Promise<Proved>;
  /** An ID token of people's provider, from wherever it came. */
  person(token: string): Promise<Verified>;
}

export function createProver(deps: IdentityDeps): Prover {
  const parts = {
    issuers: createIssuers(deps.outbound, deps.now),
    ci: ciIssuers(deps.db, deps.now),
  };
  return {
    prove: async (proof, origin) => {
      const text = proof.kind === "bearer" ? proof.token : proof.value;
      if (text === "" || text.length > PROOF_CHARS_MAX) return nobody("the proof cannot be read");
      if (proof.kind === "session") return bySession(deps, sha256(text));
      return text.split(".").length === 3
        ? byIdToken(deps, parts, text, origin)
        : byApiToken(deps, sha256(text), false);
    },
    person: (token) => verifyPerson(deps, parts.issuers, token),
  };
}

function nobody(message: string): Proved {
  return { kind: "nobody", message };
}

async function byApiToken({ db, now }: IdentityDeps, digest: string, session: boolean): Promise<Proved> {
  const token = await getApiToken(db, digest, now());
  if (token === undefined) return nobody("the API token is unknown, revoked, or has expired");
  const { id, name, project, rules, expiresAt } = token;
  return {
    kind: "caller",
    caller: { actor: { kind: "token", id, name, project }, tokenRules: rules, expiresAt, session },
  };
}

async function bySession(deps: IdentityDeps, digest: string): Promise<Proved> {
  const session = await getSession(deps.db, digest, deps.now());
  if (session === undefined) return nobody("the session is over: sign in again at /login");
  const { proof } = session;
  if (proof.kind === "api-token") return byApiToken(deps, proof.digest, true);
  const tokenRules = proof.kind === "bootstrap" ? { tokenRules: proof.rules } : {};
  return { kind: "caller", caller: { actor: proof.actor, session: true, ...tokenRules } };
}

async function byIdToken(
  deps: IdentityDeps,
  { issuers, ci }: { issuers: Issuers; ci: CiIssuers },
  token: string,
  origin: string,
): Promise<Proved> {
  const issuer = namedIssuer(token);
  if (issuer === undefined) return nobody("the token cannot be read");
  if (issuer === deps.oidc?.issuer) {
    const verified = await verifyPerson(deps, issuers, token);
    const claim = groupsClaimOf(deps.oidc);
    return answer(deps, verified, (claims) => personOf(issuer, claims, claim));
  }
  const hosts = (await ci()).get(issuer);
  if (hosts === undefined) return nobody("the token's issuer is not one that this hub or a Project names");
  const audience = await jobAudiences(deps, origin);
  const verified = await issuers.verify(token, { issuer, audience, hosts });
  return answer(deps, verified, (claims) => jobOf(issuer, claims));
}

/** The hub by its URLs, or by its id, which also holds after a move. */
async function jobAudiences({ db, hubUrl, pageUrl }: IdentityDeps, origin: string): Promise<string[]> {
  const hub = await findHub(db);
  return [origin, hubUrl, pageUrl, hub?.hub]
    .filter((one) => one !== undefined)
    .flatMap((one) => [one, one.replace(/\/$/, "")]);
}

async function verifyPerson({ oidc }: IdentityDeps, issuers: Issuers, token: string): Promise<Verified> {
  if (oidc === undefined) return { kind: "refused", message: "this hub has no provider for people" };
  const { issuer } = oidc;
  const verified = await issuers.verify(token, {
    issuer,
    audience: audiencesOf(oidc),
    hosts: [issuerHost(oidc)],
  });
  if (verified.kind !== "verified") return verified;
  const { azp } = verified.claims;
  if (azp !== undefined && !audiencesOf(oidc).some((client) => client === azp))
    return { kind: "refused", message: "the token was issued to another client" };
  return verified;
}

function answer(
  { log }: IdentityDeps,
  verified: Verified,
  actorOf: (claims: Extract<Verified, { kind: "verified" }>["claims"]) => Caller["actor"],
): Proved {
  switch (verified.kind) {
    case "verified":
      return { kind: "caller", caller: { actor: actorOf(verified.claims), session: false } };
    case "refused":
      return nobody(verified.message);
    case "away":
      log({ level: "warn", message: verified.message, error: String(verified.error) });
      return { kind: "away", message: verified.message };
    default:
      return assertNever(verified);
  }
}
