import { describe, expect, it } from "vitest";
import { parseResource } from "#core/resource.ts";
import { stageOf, stagesOf } from "#core/rollout.ts";
import type { App } from "#core/app.ts";

function parsed(rollout: object) {
  const metadata = { name: "shop" };
  return parseResource("app.yaml", {
    apiVersion: "fairlead.dev/v1",
    kind: "App",
    metadata,
    spec: { source: "fleet", clusters: {}, rollout },
  });
}
function specOf(rollout: object): App["spec"]["rollout"] {
  const found = parsed(rollout);
  if (found.kind === "refused" || found.resource.kind !== "App") throw new Error(JSON.stringify(found));
  return found.resource.spec.rollout;
}
const ring = (name: string, value: string, more: object = {}) => ({
  name,
  clusters: { matchLabels: { ring: value } },
  ...more,
});

describe("stages of an App", () => {
  const spec = specOf({
    maxUnavailable: "20%",
    stages: [
      ring("canary", "0", { maxUnavailable: 1, soak: "10m" }),
      ring("eu", "1", { maxConcurrent: "50%", approval: "before" }),
    ],
  });

  it("hold a cluster in the first that matches, and what none matches in `rest`", () => {
    const both = specOf({ stages: [ring("one", "0"), { name: "all", clusters: {} }] });
    expect([stageOf(both, { ring: "0" }), stageOf(both, { ring: "7" })]).toEqual([0, 1]);
    expect([stageOf(spec, { ring: "1" }), stageOf(spec, {}), stageOf(spec, undefined)]).toEqual([1, 2, 2]);
  });

  it("lie side by side in the order of ranks, each with its own limits, rounded down and never below one", () => {
    const members = [0, ...Array<number>(10).fill(1), 2, 2, 2];
    expect(stagesOf(spec, members)).toEqual([
      { name: "canary", from: 0, to: 1, maxUnavailable: 1, soakMs: 600_000 },
      { name: "eu", from: 1, to: 11, maxUnavailable: 2, maxConcurrent: 5, approval: "before" },
      { name: "rest", from: 11, to: 14, maxUnavailable: 1 },
    ]);
    expect(stagesOf(spec, [1]).map(({ name, from, to }) => [name, from, to])).toEqual([
      ["canary", 0, 0],
      ["eu", 0, 1],
    ]);
  });

  it.each([
    [{ stages: [ring("a", "0"), ring("a", "1")] }, "two of one name"],
    [{ stages: [ring("rest", "0")] }, "may not be named rest"],
    [{ stages: [ring("a", "0", { maxUnavailable: 0 })] }, "must be at least 1"],
    [{ maxFailures: "0%" }, "must be a count from 1"],
  ])("refuse %j", (rollout, words) => {
    expect(parsed(rollout)).toMatchObject({ kind: "refused", message: expect.stringContaining(words) });
  });
});
