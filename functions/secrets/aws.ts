/** The secret store of a function on AWS that may read or write secrets: most may not. */
import { SSMClient } from "@aws-sdk/client-ssm";
import { needed, type readEnv } from "../env.ts";
import { createParameterSecrets } from "./parameters.ts";
import type { SecretStore } from "./port.ts";

export function awsSecrets(env: ReturnType<typeof readEnv>): SecretStore {
  return createParameterSecrets({ client: new SSMClient(), prefix: needed(env, "FAIRLEAD_SECRETS") });
}
