/** Letters as AWS documents them, and as anybody with the right to send may write them. */
import { describe, expect, it } from "vitest";
import { readDeadLetter } from "#core/dead-letter.ts";

const FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:fairlead-prod-Assign";
const requestContext = { requestId: "1", functionArn: FUNCTION, condition: "RetryAttemptsExhausted" };

describe("readDeadLetter", () => {
  it("reads where the records of a batch are that Lambda gave up", () => {
    const DDBStreamBatchInfo = {
      shardId: "shardId-1",
      startSequenceNumber: "100",
      endSequenceNumber: "205",
      batchSize: 3,
      streamArn: "arn:aws:dynamodb:eu-central-1:123456789012:table/t/stream/1",
    };
    expect(readDeadLetter(JSON.stringify({ requestContext, DDBStreamBatchInfo }), {})).toEqual({
      kind: "stream",
      function: FUNCTION,
      why: "RetryAttemptsExhausted",
      stream: DDBStreamBatchInfo.streamArn,
      shard: "shardId-1",
      from: "100",
      to: "205",
      records: 3,
    });
  });

  it("reads an asynchronous call that failed, with the function's own words", () => {
    const requestPayload = { "detail-type": "rollout.released", detail: { app: "shop" } };
    const body = { requestContext, requestPayload, responsePayload: { errorMessage: "no\ntable" } };
    expect(readDeadLetter(JSON.stringify(body), {})).toEqual({
      kind: "call",
      function: FUNCTION,
      why: "RetryAttemptsExhausted: no table",
      about: 'rollout.released {"app":"shop"}',
      payload: requestPayload,
    });
  });

  it("reads what bus and scheduler could not deliver, by the message's attributes", () => {
    const attributes = { TARGET_ARN: FUNCTION, ERROR_CODE: "THROTTLED", ERROR_MESSAGE: "later" };
    expect(readDeadLetter('{"sweep":true}', attributes)).toEqual({
      kind: "call",
      function: FUNCTION,
      why: "THROTTLED: later",
      about: '{"sweep":true}',
      payload: { sweep: true },
    });
  });

  it("calls nothing that is no function, and never throws", () => {
    for (const [body, target] of [
      ["no JSON", FUNCTION],
      ["{}", "arn:aws:iam::123456789012:role/admin"],
      ['{"requestContext":{"functionArn":"https://example.com","condition":"x"}}', ""],
      ["null", ""],
    ] as const)
      expect(readDeadLetter(body, { TARGET_ARN: target }).kind).toBe("unknown");
  });
});
