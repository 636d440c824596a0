/** What a Policy's expressions may be, told before one is stored. Nothing of them runs here. */
import { readFileSync } from "node:fs";
import { parseResource } from "#core/resource.ts";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { checkPolicy } from "../../../functions/policy/compile.ts";
import { compilePolicy } from "../../../functions/policy/judge.ts";
import { context, policy } from "./support.ts";

describe("docs/policies.md", () => {
  it("shows a Policy that can be stored, and that fulfils what it says", () => {
    const page = readFileSync(new URL("../../../docs/policies.md", import.meta.url), "utf8");
    const parsed = parseResource("docs", parse(/```yaml\n([^]*?)```/.exec(page)?.[1] ?? ""));
    if (parsed.kind === "refused" || parsed.resource.kind !== "Policy")
      throw new Error(JSON.stringify(parsed));
    expect(checkPolicy(parsed.resource)).toEqual([]);
    const { validations } = compilePolicy(parsed.resource);
    const answers = (object: object): unknown[] =>
      validations.map(({ compiled }) =>
        compiled.kind === "compiled" ? compiled.evaluate({ ...context, object }) : undefined,
      );
    const pod = (image: string, more: object = {}) => ({
      template: { spec: { containers: [{ image }], ...more } },
    });
    const good = {
      metadata: { labels: { team: "web" } },
      spec: pod("a:1", { securityContext: { runAsNonRoot: true } }),
    };
    expect(answers(good)).toEqual([true, true, true]);
    expect(answers({ metadata: {}, spec: pod("a:latest") })).toEqual([false, false, false]);
  });
});

describe("checkPolicy", () => {
  it("finds nothing wrong with expressions that compile", () => {
    const fine = policy("fine", [
      ["has(object.metadata.labels) && 'team' in object.metadata.labels", "x"],
      ["object.spec.?replicas.orValue(1) >= 2", "x"],
      [Array(90).fill("object.kind == 'A'").join(" || "), "x"],
    ]);
    expect(checkPolicy(fine)).toEqual([]);
  });

  it.each([
    ["object.spec.replicas >", "Unexpected token: EOF"],
    ["objekt.spec", "Unknown variable: objekt"],
    ["object.name.replace('a', 'b') == 'b'", "found no matching overload"],
    ["'text'", "gives string, must give true or false"],
    ["1 + 'a' == 2", "no such overload"],
    [`${"(".repeat(400)}true${")".repeat(400)}`, "Exceeded maxDepth (100)"],
    [`${"!".repeat(1_500)}true`, "Exceeded maxAstNodes (1000)"],
    ["object.items.all(x, bytes(x) == b'1')", "bytes are not spoken here"],
    ["cel.bind(v, bytes('x'), size(v) > 1)", "bytes are not spoken here"],
  ])("refuses %s", (expression, words) => {
    const issues = checkPolicy(
      policy("wrong", [
        ["true", "x"],
        [expression, "x"],
      ]),
    );
    expect(issues).toEqual([
      { path: ["spec", "validations", 1, "expression"], message: expect.stringContaining(words) },
    ]);
  });
});
