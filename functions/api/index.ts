/** Lambda root of people's API and the page. */
import { LambdaClient } from "@aws-sdk/client-lambda";
import { handle } from "hono/aws-lambda";
import { awsDeps } from "../aws.ts";
import { needed } from "../env.ts";
import { oidcOfEnv } from "../identity/oidc-config.ts";
import { jsonLog } from "../log.ts";
import { createLambdaPlanner } from "../plan/lambda.ts";
import { awsSecrets } from "../secrets/aws.ts";
import { buildApp } from "./app.ts";

const { env, ...deps } = awsDeps();

export const handler = handle(
  buildApp({
    ...deps,
    secrets: awsSecrets(env),
    planner: createLambdaPlanner({
      client: new LambdaClient({ maxAttempts: 1 }),
      functionName: needed(env, "FAIRLEAD_PLAN_FUNCTION"),
    }),
    log: jsonLog,
    hubUrl: needed(env, "FAIRLEAD_HUB_URL"),
    pageUrl: env.FAIRLEAD_PAGE_URL,
    oidc: oidcOfEnv(env),
  }),
);
