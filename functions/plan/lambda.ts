/** Plans by the function that has the engine. It is called and waited for; its instances are what bounds plans at once. */
import { InvokeCommand, TooManyRequestsException, type LambdaClient } from "@aws-sdk/client-lambda";
import { planReplySchema, type Planner } from "./port.ts";

/** The function's own time, and a start. */
const REPLY_MS_MAX = 105_000;

/** `functionName` is its name or ARN. The client should not try again by itself: a plan costs what it costs. */
export function createLambdaPlanner(options: { client: LambdaClient; functionName: string }): Planner {
  const { client, functionName } = options;
  return {
    plan: async (call) => {
      const command = new InvokeCommand({
        FunctionName: functionName,
        Payload: new TextEncoder().encode(JSON.stringify(call)),
      });
      try {
        const answer = await client.send(command, { abortSignal: AbortSignal.timeout(REPLY_MS_MAX) });
        const text = new TextDecoder().decode(answer.Payload);
        if (answer.FunctionError !== undefined)
          throw new Error(`function ${functionName} failed: ${text.slice(0, 1000)}`);
        return planReplySchema.parse(JSON.parse(text));
      } catch (error) {
        if (error instanceof TooManyRequestsException) return { kind: "busy" };
        throw error;
      }
    },
  };
}
