/** The environment of a function, parsed once in its composition root; a missing name is told with all others. */
import * as z from "zod";
import { regionSchema } from "#core/region.ts";

/** What is not set arrives as an empty text. */
const optionalText = z
  .string()
  .optional()
  .transform((text) => (text === "" ? undefined : text));

const envSchema = z.object({
  FAIRLEAD_TABLE: z.string(),
  FAIRLEAD_BUCKET: z.string(),
  /** Said by the platform. */
  AWS_LAMBDA_FUNCTION_NAME: z.string().default("function"),
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: z.string().default("512"),
  /** Of a hub with several regions: this one. */
  FAIRLEAD_REGION: optionalText.pipe(regionSchema.optional()),
  FAIRLEAD_BUS: z.string().optional(),
  /** Prefix of the hub's parameters: its secret store. */
  FAIRLEAD_SECRETS: z.string().optional(),
  FAIRLEAD_HUB_URL: z.string().optional(),
  /** The signing key's ARN in KMS. */
  FAIRLEAD_SIGNING_KEY: z.string().optional(),
  /** Where browsers reach the page, when that is a domain of its own. */
  FAIRLEAD_PAGE_URL: optionalText.refine((text) => text === undefined || URL.canParse(text), "is no URL"),
  FAIRLEAD_OIDC_ISSUER: optionalText,
  FAIRLEAD_OIDC_CLIENT_ID: optionalText,
  FAIRLEAD_OIDC_CLIENT_SECRET: optionalText,
  FAIRLEAD_OIDC_CLI_CLIENT_ID: optionalText,
  FAIRLEAD_OIDC_SCOPES: optionalText,
  FAIRLEAD_OIDC_GROUPS_CLAIM: optionalText,
  FAIRLEAD_RENDER_ENGINE: z.string().optional(),
  /** The function that makes plans. */
  FAIRLEAD_PLAN_FUNCTION: z.string().optional(),
});
type Env = z.infer<typeof envSchema>;

export function readEnv(env: NodeJS.ProcessEnv = process.env): Env {
  return envSchema.parse(env);
}

/** A name that only some functions need. */
export function needed<K extends keyof Env>(env: Env, name: K): NonNullable<Env[K]> {
  const value = env[name];
  if (value === undefined) throw new Error(`the environment lacks ${name}`);
  return value;
}
