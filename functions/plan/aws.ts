/** Plans for a function on AWS that may call the one which makes them. */
import { LambdaClient } from "@aws-sdk/client-lambda";
import { needed, type readEnv } from "../env.ts";
import { createLambdaPlanner } from "./lambda.ts";
import type { Planner } from "./port.ts";

export function awsPlanner(env: ReturnType<typeof readEnv>): Planner {
  const functionName = needed(env, "FAIRLEAD_PLAN_FUNCTION");
  return createLambdaPlanner({ client: new LambdaClient({ maxAttempts: 1 }), functionName });
}
