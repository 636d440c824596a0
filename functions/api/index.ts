/** Lambda root of people's API and the page. */
import { handle } from "hono/aws-lambda";
import { awsDeps } from "../aws.ts";
import { needed } from "../env.ts";
import { oidcOfEnv } from "../identity/oidc-config.ts";
import { lazyOutbound, lazyPlanner, lazySecrets } from "../lazy.ts";
import { countedLog } from "../log.ts";
import { buildApp } from "./app.ts";

const { env, ...deps } = awsDeps();

export const handler = handle(
  buildApp({
    ...deps,
    outbound: lazyOutbound(async () => (await import("../outbound/aws.ts")).awsOutbound()),
    secrets: lazySecrets(async () => (await import("../secrets/aws.ts")).awsSecrets(env)),
    planner: lazyPlanner(async () => (await import("../plan/aws.ts")).awsPlanner(env)),
    log: countedLog(deps.meter),
    hubUrl: needed(env, "FAIRLEAD_HUB_URL"),
    pageUrl: env.FAIRLEAD_PAGE_URL,
    oidc: oidcOfEnv(env),
  }),
);
