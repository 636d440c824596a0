/** An expression that does not compile is refused at apply, in the words of every other refusal. */
import type { Put } from "#core/apply-plan.ts";
import { parseResource, type Resource } from "#core/resource.ts";
import { describe, expect, it } from "vitest";
import { refuseExpressions } from "../../../functions/policy/refuse.ts";
import { policy } from "./support.ts";

const put = (resource: Resource, refusal?: Put["refusal"]): Put => ({
  change: {
    kind: "put",
    place: "document 2",
    resource,
    before: undefined,
    outcome: "created",
    managedBy: undefined,
    diff: { changes: [], more: 0 },
  },
  refusal,
});

describe("refuseExpressions", () => {
  it("refuses what does not compile, naming document, resource and path", async () => {
    const [fine, broken] = await refuseExpressions([
      put(policy("fine", "true")),
      put(policy("broken", "object.spec >")),
    ]);
    expect(fine?.refusal).toBeUndefined();
    expect(broken?.refusal).toEqual({
      code: "invalid-resource",
      message: "document 2: Policy broken: spec.validations.0.expression: Unexpected token: EOF",
    });
  });

  it("lets a refusal that was there stand", async () => {
    const refusal = { code: "conflict", message: "x" } as const;
    expect((await refuseExpressions([put(policy("broken", "object.spec >"), refusal)]))[0]?.refusal).toEqual(
      refusal,
    );
  });

  it.each(["App", "Project"])("refuses rules of health of an %s that do not compile", async (kind) => {
    const health = [{ apiVersion: "example.com/v1", kind: "Boat", current: "status.up", failed: "1 + 1" }];
    const app = { source: "fleet", clusters: {} };
    const [found] = await refuseExpressions([
      put(resource({ kind, metadata: { name: "shop" }, spec: { ...(kind === "App" ? app : {}), health } })),
    ]);
    expect(found?.refusal).toEqual({
      code: "invalid-resource",
      message: `document 2: ${kind} shop: spec.health.0.failed: gives int, must give true or false`,
    });
  });

  it("refuses a gate's check that does not compile, with its place", async () => {
    const check = { apiVersion: "v1", kind: "ConfigMap", name: "x", pass: "data.list.map(x, x) == []" };
    const stage = { name: "canary", clusters: {}, gates: [{ name: "smoke", check }] };
    const spec = { source: "fleet", clusters: {}, rollout: { stages: [stage] } };
    const [found] = await refuseExpressions([
      put(resource({ kind: "App", metadata: { name: "shop" }, spec })),
    ]);
    expect(found?.refusal?.message).toContain(
      "App shop: spec.rollout.stages.0.gates.0.check.pass: map() is not spoken here",
    );
  });
});

function resource(document: object): Resource {
  const parsed = parseResource("document", { apiVersion: "fairlead.dev/v1", ...document });
  if (parsed.kind === "refused") throw new Error(parsed.message);
  return parsed.resource;
}
