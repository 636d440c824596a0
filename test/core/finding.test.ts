/** Lists of findings stay bounded and never lose count. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  FINDINGS_LISTED_MAX,
  findingsOf,
  findingsSchema,
  mergeFindings,
  withheldMessage,
  type Finding,
} from "#core/finding.ts";

const finding = (n: number): Finding => ({ by: "Policy a", object: `ConfigMap c${n}`, message: "no" });

describe("findings", () => {
  it("list the first twenty and count all, in bounded words without control characters", () => {
    const found = findingsOf([
      { ...finding(0), message: `\u001b[31m${"x".repeat(5_000)}` },
      ...Array.from({ length: 40 }, (_, n) => finding(n)),
    ]);
    expect(found.total).toBe(41);
    expect(found.listed).toHaveLength(FINDINGS_LISTED_MAX);
    expect(found.listed[0]?.message).toMatch(/^\[31mx+…$/);
  });

  it("of several bundles list what is equal once, stay within their schema, and count what differs", () => {
    const few = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 8 }).map((list) => [...new Set(list)]);
    fc.assert(
      fc.property(few, few, (a, b) => {
        const merged = mergeFindings(findingsOf(a.map(finding)), findingsOf(b.map(finding)));
        expect(merged.total).toBe(new Set([...a, ...b]).size);
        expect(findingsSchema.parse(merged).listed).toHaveLength(Math.min(FINDINGS_LISTED_MAX, merged.total));
      }),
    );
  });

  it("say the first one and how many more there are", () => {
    expect(withheldMessage(findingsOf([finding(1)]))).toBe("withheld: Policy a: ConfigMap c1: no");
    expect(withheldMessage(findingsOf([finding(1), finding(2), finding(3)]))).toBe(
      "withheld: Policy a: ConfigMap c1: no (and 2 more)",
    );
  });
});
