/**
 * What the webhooks of a Source are signed with, remembered for seconds: a flood of forged ones must not become a flood of questions to
 * the secret store.
 */
import { credentialSchema } from "#core/credential.ts";
import type { SecretStore } from "../secrets/port.ts";

export interface HookSecrets {
  /** Undefined where there is none, or of another kind. */
  get(project: string, name: string): Promise<string | undefined>;
}

/** A new secret counts after this at the latest. */
const KEPT_MS = 5_000;
const KEPT_MAX = 1_000;

export function createHookSecrets(secrets: Pick<SecretStore, "get">, now: () => number): HookSecrets {
  const kept = new Map<string, { at: number; secret: Promise<string | undefined> }>();
  return {
    get(project, name) {
      const key = `${project}/${name}`;
      const known = kept.get(key);
      if (known !== undefined && now() - known.at < KEPT_MS) return known.secret;
      const secret = read(secrets, project, name);
      // A store that does not answer is asked again.
      secret.catch(() => kept.delete(key));
      // Deleted first, so that the map stays in the order of reading.
      kept.delete(key);
      kept.set(key, { at: now(), secret });
      const oldest = kept.size > KEPT_MAX ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
      return secret;
    },
  };
}

async function read(
  secrets: Pick<SecretStore, "get">,
  project: string,
  name: string,
): Promise<string | undefined> {
  const text = await secrets.get(project, name);
  if (text === undefined) return undefined;
  const { data } = credentialSchema.safeParse(jsonOf(text));
  return data?.kind === "webhook" ? data.secret : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON fits no schema; the parser's words would quote it.
    return undefined;
  }
}
