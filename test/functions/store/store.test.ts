/** The store's suites on every engine, and nothing of the store left out of them. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chartConformance } from "../../conformance/store-charts.ts";
import { garbageConformance } from "../../conformance/store-garbage.ts";
import { storeConformance } from "../../conformance/store.ts";
import { identityConformance } from "../../conformance/store-identity.ts";
import { meterConformance } from "../../conformance/store-meter.ts";
import { promotionConformance } from "../../conformance/store-promotion.ts";
import { rolloutConformance } from "../../conformance/store-rollouts.ts";
import { stateConformance } from "../../conformance/store-states.ts";
import { transferConformance } from "../../conformance/store-transfer.ts";
import { writerConformance } from "../../conformance/store-writer.ts";
import type { StoreEngine } from "../../conformance/store-parts.ts";
import { Engine } from "../../sim/engine/engine.ts";
import { dynamoEngines } from "../../support/dynamo.ts";

const engines: readonly { name: string; start: () => Promise<StoreEngine> }[] = [
  ...dynamoEngines,
  { name: "the simulator's engine", start: async () => new Engine() },
];

describe.each(engines)("the store on $name", ({ start }) => {
  storeConformance(start);
  stateConformance(start);
  identityConformance(start);
  transferConformance(start);
  chartConformance(start);
  garbageConformance(start);
  rolloutConformance(start);
  meterConformance(start);
  promotionConformance(start);
  writerConformance(start);
});

describe("the suites", () => {
  it("and the other tests on both engines use every function that functions/store exports", () => {
    const root = new URL("../../../", import.meta.url);
    const read = (file: string): string => readFileSync(new URL(file, root), "utf8");
    const tests = readdirSync(new URL("test/", root), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => ({ file, text: read(`test/${file}`) }))
      .filter(
        ({ file, text }) => file.startsWith("conformance/store") || text.includes("each(dynamoEngines)"),
      )
      .map(({ text }) => text)
      .join("\n");
    const exported = readdirSync(new URL("functions/store/", root)).flatMap((file) =>
      [...read(`functions/store/${file}`).matchAll(/^export (?:async )?function\*? (\w+)/gm)].map(
        ([, name = ""]) => name,
      ),
    );
    expect(exported.length).toBeGreaterThan(80);
    expect(exported.filter((name) => !INNER.has(name) && !tests.includes(`${name}(`))).toEqual([]);
  });
});

/** Helpers of the other files; what they do is seen through these. */
const INNER = new Set([
  "createDb",
  "readAll",
  "attributesOf",
  "appRecordCondition",
  "charterOf",
  "shardOf",
  "kindOf",
  "tableDefinition",
]);
