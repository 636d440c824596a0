import { describe, expect, it } from "vitest";
import { listMetadata, watchMetadata } from "../../../agent/kube/metadata.ts";
import type { WatchEvent } from "../../../agent/kube/port.ts";
import type { Wire, WireRequest } from "../../../agent/kube/wire.ts";

const SELECTION = { apiVersion: "v1", kind: "ConfigMap", label: "l" };
const object = (name: string) => ({
  apiVersion: "meta.k8s.io/v1",
  kind: "PartialObjectMetadata",
  metadata: { name, namespace: "shop", resourceVersion: "7" },
});

/** Answers in turn, or one stream of these bytes. */
function wireOf(answers: unknown[], chunks: readonly string[] = []) {
  const asked: WireRequest[] = [];
  const wire: Wire = {
    async send(request) {
      asked.push(request);
      return answers.shift();
    },
    text: async () => "",
    async *stream(request) {
      asked.push(request);
      for (const chunk of chunks) yield new TextEncoder().encode(chunk);
    },
    close: async () => {},
  };
  return { wire, asked };
}

async function watched(chunks: readonly string[]): Promise<WatchEvent[]> {
  const { wire } = wireOf([], chunks);
  const from = { version: "6", forMs: 1, signal: AbortSignal.timeout(60_000) };
  const events: WatchEvent[] = [];
  for await (const event of watchMetadata(wire, "/api/v1/configmaps", SELECTION, from)) events.push(event);
  return events;
}

describe("listMetadata", () => {
  it("asks page after page, for metadata alone", async () => {
    const { wire, asked } = wireOf([
      { metadata: { resourceVersion: "9", continue: "more" }, items: [object("a")] },
      { metadata: { resourceVersion: "9", continue: "" }, items: [object("b")] },
    ]);
    const names: string[] = [];
    for await (const page of listMetadata(wire, "/api/v1/configmaps", SELECTION)) {
      expect(page.version).toBe("9");
      names.push(...page.objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`));
    }
    expect(names).toEqual(["ConfigMap a", "ConfigMap b"]);
    expect(asked.map(({ accept }) => accept)).toEqual(
      Array.from({ length: 2 }, () => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
    );
    expect(asked[1]?.path).toContain("continue=more");
  });
});

describe("watchMetadata", () => {
  it("reads events from chunks that are cut anywhere", async () => {
    const text = ["ADDED", "MODIFIED", "DELETED"]
      .map((type) => `${JSON.stringify({ type, object: object("a") })}\n`)
      .join("");
    const bookmark = JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: "8" } } });
    const chunks = [text.slice(0, 3), text.slice(3, 100), text.slice(100), `${bookmark}\n`];
    const events = await watched(chunks);
    expect(events.map(({ type, version }) => [type, version])).toEqual([
      ["put", "7"],
      ["put", "7"],
      ["gone", "7"],
      ["bookmark", "8"],
    ]);
  });
  it("takes an error in the stream for the answer that it is", async () => {
    const error = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
    await expect(watched([`${JSON.stringify({ type: "ERROR", object: error })}\n`])).rejects.toMatchObject({
      status: 410,
      reason: "Expired",
    });
  });
  it("refuses a line without end, and what is no event", async () => {
    const block = "x".repeat(1024 * 1024);
    await expect(watched([block, block, block])).rejects.toMatchObject({ status: 413 });
    await expect(watched(["<html>\n"])).rejects.toMatchObject({ status: 502, reason: "NoMetadata" });
  });
});
