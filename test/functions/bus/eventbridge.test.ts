import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { EVENT_SOURCE, type HubEvent } from "#core/event.ts";
import { parseBusEvent } from "../../../functions/bus/event.ts";
import { createEventBridgeBus, UnpublishedError } from "../../../functions/bus/eventbridge.ts";
import { type BusTarget, busConformance, type BusUnderTest } from "../../conformance/bus.ts";
import { type MiniStack, startMiniStack } from "../../support/ministack.ts";

const changed = (app: string): HubEvent => ({ type: "app.changed", detail: { project: "web", app } });

describe("createEventBridgeBus", () => {
  let ministack: MiniStack;
  let buses = 0;
  beforeAll(async () => {
    ministack = await startMiniStack();
  });
  afterAll(() => ministack.stop());

  busConformance(async (targets) => {
    const { endpoint, credentials, region } = ministack;
    const busName = `bus-${++buses}`;
    const client = new EventBridgeClient({ endpoint, credentials, region });
    const sqs = new SQSClient({ endpoint, credentials, region });
    await client.send(new CreateEventBusCommand({ Name: busName }));
    const consumers = await Promise.all(targets.map((target) => connect({ client, sqs, busName, target })));
    const close = async (): Promise<void> => {
      for (const stop of consumers) await stop();
    };
    return { bus: createEventBridgeBus({ client, busName }), close } satisfies BusUnderTest;
  });

  it("puts again only the entries that were refused", async () => {
    const { bus, calls } = await busAnswering((call, app) => call === 1 && app !== "b");
    await bus.publish([changed("a"), changed("b"), changed("c")]);
    expect(calls).toEqual([
      ["a", "b", "c"],
      ["a", "c"],
    ]);
  });

  it("throws with the events that were refused to the end, and only those", async () => {
    const { bus, calls } = await busAnswering((_call, app) => app === "b");
    const thrown: unknown = await bus.publish([changed("a"), changed("b")]).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(UnpublishedError);
    expect((thrown as UnpublishedError).events).toEqual([changed("b")]);
    expect((thrown as UnpublishedError).message).toContain("InternalFailure: try again");
    expect(calls).toEqual([["a", "b"], ["b"], ["b"], ["b"], ["b"]]);
  });
});

/** Rule → queue → the target's handler, as a function behind a queue would run; answers how to stop it. */
async function connect(over: {
  client: EventBridgeClient;
  sqs: SQSClient;
  busName: string;
  target: BusTarget;
}) {
  const { client, sqs, busName, target } = over;
  const QueueName = `${busName}-${target.name}`;
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName }));
  const EventPattern = JSON.stringify({ source: [EVENT_SOURCE], "detail-type": target.types });
  await client.send(new PutRuleCommand({ Name: target.name, EventBusName: busName, EventPattern }));
  const Arn = `arn:aws:sqs:us-east-1:000000000000:${QueueName}`;
  await client.send(
    new PutTargetsCommand({ Rule: target.name, EventBusName: busName, Targets: [{ Id: "queue", Arn }] }),
  );
  const abort = new AbortController();
  const done = consume(sqs, QueueUrl, target, abort.signal);
  return async (): Promise<void> => {
    abort.abort();
    await done;
  };
}

async function consume(
  sqs: SQSClient,
  QueueUrl: string,
  target: BusTarget,
  signal: AbortSignal,
): Promise<void> {
  const receive = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 });
  while (!signal.aborted) {
    const { Messages = [] } = await sqs.send(receive);
    for (const message of Messages) await handOver(sqs, QueueUrl, target, message);
  }
}

async function handOver(
  sqs: SQSClient,
  QueueUrl: string,
  target: BusTarget,
  message: Message,
): Promise<void> {
  const receipt = { QueueUrl, ReceiptHandle: message.ReceiptHandle };
  const event = parseBusEvent(JSON.parse(message.Body ?? ""));
  const handled = await target.handle(event).then(
    () => true,
    () => false,
  );
  if (handled) await sqs.send(new DeleteMessageCommand(receipt));
  else await sqs.send(new ChangeMessageVisibilityCommand({ ...receipt, VisibilityTimeout: 0 }));
}

/** The bus over a server that refuses entries on request: no emulator throttles single entries. */
async function busAnswering(refuses: (call: number, app: string) => boolean) {
  const calls: string[][] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { Entries } = JSON.parse(body) as { Entries: { Detail: string }[] };
      const apps = Entries.map(({ Detail }) => (JSON.parse(Detail) as { app: string }).app);
      const call = calls.push(apps);
      const answers = apps.map((app) =>
        refuses(call, app)
          ? { ErrorCode: "InternalFailure", ErrorMessage: "try again" }
          : { EventId: `${call}-${app}` },
      );
      response.setHeader("content-type", "application/x-amz-json-1.1");
      return response.end(JSON.stringify({ FailedEntryCount: 0, Entries: answers }));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const client = new EventBridgeClient({
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    region: "us-east-1",
  });
  return { bus: createEventBridgeBus({ client, busName: "probe", sleep: async () => {} }), calls };
}
