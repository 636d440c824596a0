/**
 * What lies in the dead-letter queue, read back into what can be done again. Each sender writes in its own shape: Lambda for
 * a batch of the stream and for an asynchronous call, the bus and the scheduler for what they could not deliver.
 */
import * as z from "zod";

export type DeadLetter =
  /** Records `from` to `to` of a shard: the queue holds their place, the stream holds them for 24 hours. */
  | {
      kind: "stream";
      function: string;
      why: string;
      stream: string;
      shard: string;
      from: string;
      to: string;
      records: number;
    }
  /** What the function was, or was to be, called with. */
  | { kind: "call"; function: string; why: string; about: string; payload: unknown }
  | { kind: "unknown"; why: string };

const ABOUT_CHARS_MAX = 200;
const functionArn = z.string().regex(/^arn:[\w-]+:lambda:[\w-]*:\d{12}:function:[\w-]{1,140}(?::[\w$-]+)?$/);
const sequence = z.string().regex(/^\d{1,40}$/);
const told = z.object({ functionArn, condition: z.string().max(100) });
const streamSchema = z.object({
  requestContext: told,
  DDBStreamBatchInfo: z.object({
    streamArn: z.string().max(2048),
    shardId: z.string().max(100),
    startSequenceNumber: sequence,
    endSequenceNumber: sequence,
    batchSize: z.number().int().positive(),
  }),
});
const callSchema = z.object({
  requestContext: told,
  requestPayload: z.unknown(),
  responsePayload: z.object({ errorMessage: z.string() }).optional().catch(undefined),
});

/** `attributes` are the message's own, by name. Never throws: what is of no known shape says so. */
export function readDeadLetter(body: string, attributes: Readonly<Record<string, string>>): DeadLetter {
  const value = parsed(body);
  const stream = streamSchema.safeParse(value);
  if (stream.success) return ofStream(stream.data);
  const call = callSchema.safeParse(value);
  if (call.success) return ofCall(call.data);
  const target = functionArn.safeParse(attributes["TARGET_ARN"]);
  if (!target.success || value === undefined)
    return { kind: "unknown", why: "it is of no shape that is known" };
  const why = [attributes["ERROR_CODE"], attributes["ERROR_MESSAGE"]].filter(Boolean).join(": ");
  return {
    kind: "call",
    function: target.data,
    why: short(why || "not delivered"),
    about: aboutOf(value),
    payload: value,
  };
}

function ofStream({ requestContext, DDBStreamBatchInfo: batch }: z.infer<typeof streamSchema>): DeadLetter {
  return {
    kind: "stream",
    function: requestContext.functionArn,
    why: requestContext.condition,
    stream: batch.streamArn,
    shard: batch.shardId,
    from: batch.startSequenceNumber,
    to: batch.endSequenceNumber,
    records: batch.batchSize,
  };
}

function ofCall({ requestContext, requestPayload, responsePayload }: z.infer<typeof callSchema>): DeadLetter {
  return {
    kind: "call",
    function: requestContext.functionArn,
    why: short([requestContext.condition, responsePayload?.errorMessage].filter(Boolean).join(": ")),
    about: aboutOf(requestPayload),
    payload: requestPayload,
  };
}

/** Of an event its type and detail; of anything else itself. */
function aboutOf(payload: unknown): string {
  const event = z.object({ "detail-type": z.string(), detail: z.unknown() }).safeParse(payload);
  if (!event.success) return short(JSON.stringify(payload) ?? "nothing");
  return short(`${event.data["detail-type"]} ${JSON.stringify(event.data.detail)}`);
}

function short(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > ABOUT_CHARS_MAX ? `${line.slice(0, ABOUT_CHARS_MAX)}…` : line;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
