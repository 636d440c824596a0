/** Lambda root of the agents' endpoints. */
import { handle } from "hono/aws-lambda";
import { awsDeps } from "../aws.ts";
import { jsonLog } from "../log.ts";
import { buildAgentApp } from "./agent.ts";

export const handler = handle(buildAgentApp({ ...awsDeps(), log: jsonLog }));
