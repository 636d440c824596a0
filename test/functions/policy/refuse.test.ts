/** An expression that does not compile is refused at apply, in the words of every other refusal. */
import type { Put } from "#core/apply-plan.ts";
import type { Policy } from "#core/policy.ts";
import { describe, expect, it } from "vitest";
import { refusePolicies } from "../../../functions/policy/refuse.ts";
import { policy } from "./support.ts";

const put = (resource: Policy, refusal?: Put["refusal"]): Put => ({
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

describe("refusePolicies", () => {
  it("refuses what does not compile, naming document, resource and path", async () => {
    const [fine, broken] = await refusePolicies([
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
    expect((await refusePolicies([put(policy("broken", "object.spec >"), refusal)]))[0]?.refusal).toEqual(
      refusal,
    );
  });
});
