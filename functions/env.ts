/** The environment of a function, parsed once in its composition root; a missing name is told with all others. */
import { z } from "zod";

const envSchema = z.object({
  FAIRLEAD_TABLE: z.string(),
  FAIRLEAD_BUCKET: z.string(),
  FAIRLEAD_BUS: z.string().optional(),
  FAIRLEAD_HUB_URL: z.string().optional(),
  FAIRLEAD_SIGNING_KEY: z.string().optional(),
  FAIRLEAD_API_TOKEN_SHA256: z.string().optional(),
  FAIRLEAD_RENDER_ENGINE: z.string().optional(),
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
