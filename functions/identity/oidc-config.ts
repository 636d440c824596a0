/** The provider of people's identity, as the operator names it once for the whole hub. */
import * as z from "zod";

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

export const oidcConfigSchema = z.object({
  /** Exactly as the provider's tokens say it in `iss`. Plain http only on this machine. */
  issuer: z.url().refine(isSafe, "must be an https URL"),
  clientId: z.string().min(1).max(200),
  /** Absent for a public client. */
  clientSecret: z.string().min(1).max(1000).optional(),
  /** A public client for the CLI's device flow, where the browser's client has a secret. */
  cliClientId: z.string().min(1).max(200).optional(),
  scopes: z.string().max(300).optional(),
  /** The claim that lists a person's groups. */
  groupsClaim: z.string().min(1).max(100).optional(),
});
export type OidcConfig = z.infer<typeof oidcConfigSchema>;

const SCOPES = "openid profile email";
const GROUPS_CLAIM = "groups";

export function scopesOf({ scopes }: OidcConfig): string {
  return scopes ?? SCOPES;
}

export function groupsClaimOf({ groupsClaim }: OidcConfig): string {
  return groupsClaim ?? GROUPS_CLAIM;
}

/** Whose tokens are taken: those issued to the browser's client, and to the CLI's. */
export function audiencesOf({ clientId, cliClientId }: OidcConfig): string[] {
  return cliClientId === undefined ? [clientId] : [clientId, cliClientId];
}

export function cliClientOf({ clientId, cliClientId }: OidcConfig): string {
  return cliClientId ?? clientId;
}

/** The operator named it, so it may stand in a private network. */
export function issuerHost({ issuer }: OidcConfig): string {
  return new URL(issuer).hostname;
}

function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && LOOPBACK.has(hostname));
}

export function isPlainHttp({ issuer }: OidcConfig): boolean {
  return new URL(issuer).protocol === "http:";
}

const NAMES = {
  issuer: "FAIRLEAD_OIDC_ISSUER",
  clientId: "FAIRLEAD_OIDC_CLIENT_ID",
  clientSecret: "FAIRLEAD_OIDC_CLIENT_SECRET",
  cliClientId: "FAIRLEAD_OIDC_CLI_CLIENT_ID",
  scopes: "FAIRLEAD_OIDC_SCOPES",
  groupsClaim: "FAIRLEAD_OIDC_GROUPS_CLAIM",
} as const;

/** Undefined where no issuer is named; throws where what is named cannot be used, by the name of the variable. */
export function oidcOfEnv(env: Readonly<Record<string, string | undefined>>): OidcConfig | undefined {
  if ((env[NAMES.issuer] ?? "") === "") return undefined;
  const named = Object.entries(NAMES).flatMap(([field, name]) => {
    const value = env[name] ?? "";
    return value === "" ? [] : [[field, value] as const];
  });
  const parsed = oidcConfigSchema.safeParse(Object.fromEntries(named));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = NAMES[issue?.path[0] as keyof typeof NAMES];
  throw new Error(`${name}: ${issue?.message ?? "cannot be read"}`);
}
