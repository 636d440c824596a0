/** Lambda root of the agents' endpoints. */
import { handle } from "hono/aws-lambda";
import { awsDeps } from "../aws.ts";
import { countedLog } from "../log.ts";
import { buildAgentApp } from "./agent.ts";

const deps = awsDeps();

export const handler = handle(buildAgentApp({ ...deps, log: countedLog(deps.meter) }));
