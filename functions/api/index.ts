/** Lambda root of people's API and the page. */
import { handle } from "hono/aws-lambda";
import { awsDeps } from "../aws.ts";
import { needed } from "../env.ts";
import { jsonLog } from "../log.ts";
import { buildApp } from "./app.ts";

const { env, ...deps } = awsDeps();

export const handler = handle(
  buildApp({
    ...deps,
    log: jsonLog,
    tokenSha256: needed(env, "FAIRLEAD_API_TOKEN_SHA256"),
    hubUrl: needed(env, "FAIRLEAD_HUB_URL"),
  }),
);
