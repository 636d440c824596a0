/** What people's API and the CLI say to each other about who asks: sign-in, oneself, API tokens. */
import * as z from "zod";
import { ruleSchema } from "./access.ts";
import { parseDuration } from "./duration.ts";
import { nameSchema } from "./metadata.ts";

const DAY_MS = 86_400_000;
export const API_TOKEN_TTL_MS_DEFAULT = 90 * DAY_MS;
export const API_TOKEN_TTL_MS_MAX = 365 * DAY_MS;
const API_TOKEN_TTL_MS_MIN = 60_000;
const TOKEN_RULES_MAX = 20;

/** `GET /v1/auth/config`: how to sign in; asked before anybody is proved. */
export const authConfigSchema = z.object({
  /** The hub's id. */
  hub: z.string().max(100).optional(),
  /** Absent where people have no provider: then API tokens only. */
  oidc: z
    .object({ issuer: z.url().max(500), clientId: z.string().max(200), scopes: z.string().max(300) })
    .optional(),
});
export type AuthConfig = z.infer<typeof authConfigSchema>;

/** `POST /v1/auth/bootstrap`. */
export const bootstrapRequestSchema = z.strictObject({ token: z.string().min(1).max(300) });

/** The token's lifetime, as people write it. */
const ttlSchema = z.string().refine(
  (text) => {
    const ms = parseDuration(text);
    return ms !== undefined && ms >= API_TOKEN_TTL_MS_MIN && ms <= API_TOKEN_TTL_MS_MAX;
  },
  { message: "must be a duration such as 12h or 90d, from 1m to 365d" },
);

/** `POST /v1/projects/{project}/tokens`. */
export const apiTokenRequestSchema = z
  .strictObject({
    name: nameSchema,
    /** A ready-made role, or one that the Project makes. */
    role: z.string().min(1).max(63).optional(),
    rules: z.array(ruleSchema).min(1).max(TOKEN_RULES_MAX).optional(),
    ttl: ttlSchema.optional(),
  })
  .refine(({ role, rules }) => (role === undefined) !== (rules === undefined), {
    message: "give either a role or rules",
    path: ["role"],
  });

export const apiTokenViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  project: z.string(),
  role: z.string(),
  rules: z.array(ruleSchema),
  createdAt: z.number(),
  expiresAt: z.number(),
  /** Who made it. */
  by: z.string(),
});
export type ApiTokenView = z.infer<typeof apiTokenViewSchema>;

/** The only answer that ever carries a token. */
export const apiTokenAnswerSchema = apiTokenViewSchema.extend({ token: z.string() });

/** `GET /v1/whoami`. */
export const whoamiSchema = z.object({
  actor: z.string(),
  kind: z.string(),
  /** When the proof ends, where the hub knows it. */
  expiresAt: z.number().optional(),
  /** Only those in which something is allowed. What stands at the hub's own project holds in all. */
  projects: z.array(z.object({ project: z.string(), rules: z.array(ruleSchema) })),
});
export type Whoami = z.infer<typeof whoamiSchema>;
