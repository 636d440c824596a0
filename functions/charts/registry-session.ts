/**
 * Requests to one repository of an OCI registry, with the registry's own ways of asking who one is: it answers 401 with
 * a challenge, which is met with the App's credential, or with a token that a token server gives for it, or to anybody.
 */
import * as z from "zod";
import type { ChartCredentials } from "./credentials.ts";
import { ChartFailure } from "./failure.ts";
import { ask, type Answer, type Wire } from "./http.ts";
import { DOCUMENT_BYTES_MAX } from "./limits.ts";

export interface RegistrySession {
  /** `path` is below `/v2/<name>/`. */
  get(path: string, request: { what: string; bytesMax: number; accept?: string }): Promise<Answer>;
}

const tokenSchema = z
  .object({ token: z.string().max(65_536).optional(), access_token: z.string().max(65_536).optional() })
  .transform(({ token, access_token }) => token ?? access_token);

/** `base` is the registry's origin, `name` the repository in it. */
export function openSession(
  wire: Wire,
  base: URL,
  name: string,
  credentials: ChartCredentials | undefined,
): RegistrySession {
  let authorization: string | undefined;
  return {
    get: async (path, { what, bytesMax, accept }) => {
      const url = new URL(path, new URL(`/v2/${name}/`, base));
      const headers = { "accept-encoding": "identity", ...(accept === undefined ? {} : { accept }) };
      // A page or a blob may lie elsewhere: the token is the registry's alone.
      const authorize = (to: URL) => (to.origin === base.origin ? authorization : undefined);
      const send = () => ask(wire, { url, what, bytesMax, headers, authorize });
      const first = await send();
      if (first.status !== 401 || first.url.origin !== base.origin) return first;
      authorization = await answerTo(wire, first, name, credentials);
      return authorization === undefined ? first : send();
    },
  };
}

/** Undefined where nothing can be answered. */
async function answerTo(
  wire: Wire,
  { headers, url }: Answer,
  name: string,
  credentials: ChartCredentials | undefined,
): Promise<string | undefined> {
  const challenge = headers.get("www-authenticate") ?? "";
  if (/^basic\b/i.test(challenge)) return credentials?.isFor(url) === true ? credentials.basic : undefined;
  if (!/^bearer\b/i.test(challenge)) return undefined;
  const said = new Map(
    [...challenge.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, key = "", value = ""]) => [
      key.toLowerCase(),
      value,
    ]),
  );
  const realm = URL.parse(said.get("realm") ?? "");
  const isSafe =
    realm !== null &&
    (realm.protocol === "https:" || (realm.protocol === "http:" && url.protocol === "http:"));
  if (!isSafe)
    throw new ChartFailure(
      "auth",
      `${url.host} names a token server that is no https address; it is not asked`,
    );
  const service = said.get("service");
  if (service !== undefined) realm.searchParams.set("service", service);
  realm.searchParams.set("scope", said.get("scope") ?? `repository:${name}:pull`);
  return tokenFrom(wire, realm, url, credentials);
}

async function tokenFrom(
  wire: Wire,
  realm: URL,
  registry: URL,
  credentials: ChartCredentials | undefined,
): Promise<string | undefined> {
  const what = `the token for ${registry.host}`;
  const authorize = (to: URL) =>
    to.origin === realm.origin && credentials?.isForRealm(to) === true ? credentials.basic : undefined;
  const answer = await ask(wire, { url: realm, what, bytesMax: DOCUMENT_BYTES_MAX, authorize });
  if (answer.status === 401 || answer.status === 403) return undefined;
  const token = answer.status === 200 ? tokenSchema.safeParse(jsonOf(answer.body)) : undefined;
  if (token?.data === undefined)
    throw new ChartFailure(
      "server",
      `${realm.host} gives no token for ${registry.host} (HTTP ${answer.status})`,
    );
  return `Bearer ${token.data}`;
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    // What is no JSON holds no token.
    return undefined;
  }
}
