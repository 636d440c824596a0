import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HubEvent } from "#core/event.ts";
import { parseBusEvent, PUT_BYTES_MAX, PUT_ENTRIES_MAX, toEntry } from "../../../functions/bus/event.ts";
import { toBatches } from "../../../functions/bus/eventbridge.ts";

const changed = (app: string): HubEvent => ({ type: "app.changed", detail: { project: "web", app } });

describe("parseBusEvent", () => {
  it("reads back what was written, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (app) => {
        const { entry } = toEntry(changed(app));
        const raw = {
          source: entry.Source,
          "detail-type": entry.DetailType,
          detail: JSON.parse(entry.Detail) as unknown,
        };
        expect(parseBusEvent({ ...raw, version: "0", id: "x", account: "1" })).toEqual(changed(app));
      }),
    );
  });

  it.each([
    [
      "another source",
      { source: "aws.s3", "detail-type": "app.changed", detail: { project: "p", app: "a" } },
      /fairlead bus/,
    ],
    ["an unknown type", { source: "fairlead", "detail-type": "app.gone", detail: {} }, /app\.gone/],
    ["a wrong detail", { source: "fairlead", "detail-type": "app.changed", detail: { project: "p" } }, /app/],
    ["no object", "text", /fairlead bus/],
  ])("refuses %s, naming it", (_what, raw, message) => {
    expect(() => parseBusEvent(raw)).toThrow(message);
  });
});

describe("toEntry", () => {
  it("counts bytes, not characters", () => {
    const plain = toEntry(changed("")).sizeBytes;
    expect(toEntry(changed("é")).sizeBytes).toBe(plain + 2);
  });

  it("takes an event of exactly the limit, and refuses one byte more", () => {
    const room = PUT_BYTES_MAX - toEntry(changed("")).sizeBytes;
    expect(toEntry(changed("a".repeat(room))).sizeBytes).toBe(PUT_BYTES_MAX);
    expect(() => toEntry(changed("a".repeat(room + 1)))).toThrow(String(PUT_BYTES_MAX));
  });
});

describe("toBatches", () => {
  it("keeps every event, in order, within both limits, and opens no batch without need", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 250_000 }), { maxLength: 60 }), (sizes) => {
        const entries = sizes.map((size) => toEntry(changed("a".repeat(size))));
        const batches = toBatches(entries);
        expect(batches.flat()).toEqual(entries);
        const total = (batch: { sizeBytes: number }[]): number =>
          batch.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        for (const [n, batch] of batches.entries()) {
          expect(batch.length).toBeLessThanOrEqual(PUT_ENTRIES_MAX);
          expect(total(batch)).toBeLessThanOrEqual(PUT_BYTES_MAX);
          const next = batches[n + 1]?.slice(0, 1) ?? [];
          const full = batch.length === PUT_ENTRIES_MAX || total(batch) + total(next) > PUT_BYTES_MAX;
          expect(next.length === 0 || full).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });
});
