/**
 * The CI systems that some Project's roles name: only their tokens are looked at. Read from the Projects at most every
 * few seconds, and only while tokens come that people's own provider did not issue.
 */
import type { Db } from "../store/db.ts";
import { listResources } from "../store/resource.ts";

/** As long may a new role for CI take to count; one taken away counts at once, since rules are read each time. */
const KNOWN_MS = 5000;

/** Issuer → hosts in private networks that its Projects may reach. */
export type CiIssuers = () => Promise<ReadonlyMap<string, readonly string[]>>;

export function ciIssuers(db: Db, now: () => number): CiIssuers {
  let held: { at: number; issuers: Promise<Map<string, string[]>> } | undefined;
  return async () => {
    if (held === undefined || now() - held.at >= KNOWN_MS || now() < held.at)
      held = { at: now(), issuers: readIssuers(db) };
    const { issuers } = held;
    try {
      return await issuers;
    } catch (error) {
      held = undefined;
      throw error;
    }
  };
}

async function readIssuers(db: Db): Promise<Map<string, string[]>> {
  const issuers = new Map<string, string[]>();
  for (const { resource } of await listResources(db, "Project", "")) {
    const members = resource.spec.roles.flatMap((binding) => binding.members);
    for (const member of members)
      if ("ci" in member)
        issuers.set(member.ci.issuer, [...(issuers.get(member.ci.issuer) ?? []), ...resource.spec.egress]);
  }
  return issuers;
}
