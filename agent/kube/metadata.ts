/**
 * Lists and watches of metadata alone, over the wire. A line of a watch is bounded like an object; what the server
 * says in a stream (too old a version, a refusal) becomes the same `KubeError` as an answer's.
 */
import * as z from "zod";
import { kubeObjectSchema, type KubeObject } from "#core/object.ts";
import { KubeError, type MetadataPage, type Selection, type WatchEvent } from "./port.ts";
import type { Wire } from "./wire.ts";

const PAGE_OBJECTS_MAX = 250;
const PAGES_MAX = 400;
/** etcd keeps 1.5 MiB per object, and metadata is a part of it. */
const LINE_CHARS_MAX = 2 * 1024 * 1024;

const accept = (kind: string): string => `application/json;as=${kind};g=meta.k8s.io;v=v1`;

const itemSchema = kubeObjectSchema.partial({ apiVersion: true, kind: true });
const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(itemSchema).nullish(),
});
const eventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["ADDED", "MODIFIED", "DELETED"]), object: itemSchema }),
  z.object({
    type: z.literal("BOOKMARK"),
    object: z.object({ metadata: z.object({ resourceVersion: z.string() }) }),
  }),
  z.object({
    type: z.literal("ERROR"),
    object: z.object({ code: z.number().optional(), reason: z.string().optional(), message: z.string() }),
  }),
]);

/** `path` is that of the kind, in all namespaces or in one. */
export async function* listMetadata(
  wire: Wire,
  path: string,
  selection: Selection,
): AsyncGenerator<MetadataPage> {
  let next: string | undefined = "";
  for (let page = 0; page < PAGES_MAX && next !== undefined; page += 1) {
    const query = new URLSearchParams({ labelSelector: selection.label, limit: String(PAGE_OBJECTS_MAX) });
    if (next !== "") query.set("continue", next);
    const answer = await wire.send({
      method: "GET",
      path: `${path}?${query.toString()}`,
      accept: accept("PartialObjectMetadataList"),
    });
    const { metadata, items } = understood(listSchema, answer);
    yield {
      objects: (items ?? []).map((item) => named(item, selection)),
      version: metadata.resourceVersion,
    };
    next = metadata.continue === "" ? undefined : metadata.continue;
  }
}

/** Ends when the server ends it. */
export async function* watchMetadata(
  wire: Wire,
  path: string,
  selection: Selection,
  from: { version: string; forMs: number; signal: AbortSignal },
): AsyncGenerator<WatchEvent> {
  const query = new URLSearchParams({
    watch: "1",
    labelSelector: selection.label,
    resourceVersion: from.version,
    allowWatchBookmarks: "true",
    timeoutSeconds: String(Math.max(1, Math.ceil(from.forMs / 1000))),
  });
  const request = {
    method: "GET",
    path: `${path}?${query.toString()}`,
    accept: accept("PartialObjectMetadata"),
  } as const;
  for await (const line of linesOf(wire.stream(request, from.signal))) yield eventOf(line, selection);
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_CHARS_MAX)
      throw new KubeError(413, "AnswerTooLarge", `a watch's line has more than ${LINE_CHARS_MAX} characters`);
    for (const line of lines) if (line !== "") yield line;
  }
}

function eventOf(line: string, selection: Selection): WatchEvent {
  const event = understood(eventSchema, jsonOf(line));
  if (event.type === "ERROR") {
    const { code = 500, reason = "WatchFailed", message } = event.object;
    throw new KubeError(code, reason, message);
  }
  if (event.type === "BOOKMARK") return { type: "bookmark", version: event.object.metadata.resourceVersion };
  const object = named(event.object, selection);
  const version = String(object.metadata["resourceVersion"]);
  return { type: event.type === "DELETED" ? "gone" : "put", object, version };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // A proxy's page, or a line cut short: no event either way.
    return undefined;
  }
}

function understood<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new KubeError(502, "NoMetadata", `a list or watch is not understood: ${parsed.error.message}`);
}

/** Every item says `PartialObjectMetadata` of itself. */
function named(item: z.infer<typeof itemSchema>, { apiVersion, kind }: Selection): KubeObject {
  return { apiVersion, kind, metadata: item.metadata };
}
