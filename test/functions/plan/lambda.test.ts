import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { describe, expect, it, onTestFinished } from "vitest";
import { createLambdaPlanner } from "../../../functions/plan/lambda.ts";
import { planCallSchema, type PlanCall } from "../../../functions/plan/port.ts";

const CALL: PlanCall = {
  project: "default",
  app: "shop",
  candidate: { kind: "files", files: { "apps/a.yaml": "ä", logo: { base64: "AAE=" } } },
};

/** A planner over a server that answers calls of functions as Lambda's API does. */
async function plannerOver(status: number, headers: Record<string, string>, body: unknown) {
  const asked: { url: string | undefined; body: unknown }[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    asked.push({ url: request.url, body: JSON.parse(await text(request)) });
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = new LambdaClient({
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    region: "us-east-1",
    maxAttempts: 1,
  });
  onTestFinished(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { planner: createLambdaPlanner({ client, functionName: "Plan" }), asked };
}

describe("createLambdaPlanner", () => {
  it("calls the function, waits for it, and hands on what it says", async () => {
    const { planner, asked } = await plannerOver(200, {}, { kind: "gone" });
    expect(await planner.plan(CALL)).toEqual({ kind: "gone" });
    expect(asked.map(({ url }) => url)).toEqual(["/2015-03-31/functions/Plan/invocations"]);
    expect(planCallSchema.parse(asked[0]?.body)).toEqual(CALL);
  });

  it("takes a function without a free instance for busy", async () => {
    const headers = { "x-amzn-errortype": "TooManyRequestsException" };
    const { planner, asked } = await plannerOver(429, headers, {
      Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
    });
    expect(await planner.plan(CALL)).toEqual({ kind: "busy" });
    expect(asked).toHaveLength(1);
  });

  it("throws when the function failed, and when its answer is none", async () => {
    const failed = await plannerOver(
      200,
      { "x-amz-function-error": "Unhandled" },
      { errorMessage: "out of memory" },
    );
    await expect(failed.planner.plan(CALL)).rejects.toThrow("function Plan failed: ");
    const odd = await plannerOver(200, {}, { kind: "other" });
    await expect(odd.planner.plan(CALL)).rejects.toThrow();
  });
});
