/** Selectors as text: they mean what kubectl means by them, and nothing else is read. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertNever } from "#core/assert.ts";
import { matches, selectorSchema, type Labels, type Selector } from "#core/selector.ts";
import { parseSelectorText, SELECTOR_CHARS_MAX } from "#core/selector-text.ts";

function selects(text: string, labels: Labels): boolean {
  const parsed = parseSelectorText(text);
  if (parsed.kind === "refused") throw new Error(parsed.message);
  return matches(parsed.selector, labels);
}

function refusal(text: string): string {
  const parsed = parseSelectorText(text);
  return parsed.kind === "refused" ? parsed.message : "";
}

const key = fc.stringMatching(/^([a-z]{1,5}\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,5}[A-Za-z0-9])?$/);
const value = fc.stringMatching(/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,5}[A-Za-z0-9])?)?$/);
const term = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom("In" as const, "NotIn" as const),
    values: fc.array(value, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ key, operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const) }),
);
const selector: fc.Arbitrary<Selector> = fc.record({ matchExpressions: fc.array(term, { maxLength: 6 }) });

function writeSelectorText(selector: Selector): string {
  const equals = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return [...equals, ...(selector.matchExpressions ?? []).map(writeTerm)].join(",");
}

function writeTerm({
  key,
  operator,
  values = [],
}: NonNullable<Selector["matchExpressions"]>[number]): string {
  switch (operator) {
    case "In":
      return `${key} in (${values.join(",")})`;
    case "NotIn":
      return `${key} notin (${values.join(",")})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return assertNever(operator);
  }
}

describe("parseSelectorText", () => {
  it("reads each form as kubectl does", () => {
    const labels = { tier: "web", env: "prod", "example.com/zone": "a", empty: "" };
    for (const text of [
      "",
      " ",
      "tier=web",
      "tier == web , env!=dev",
      "absent!=x",
      "env in (dev, prod)",
      "absent notin (x)",
      "tier,!absent",
      "example.com/zone=a",
      "empty=",
      "tier in (web),env notin (dev,stage)",
    ])
      expect([text, selects(text, labels)]).toEqual([text, true]);
    for (const text of ["tier=db", "env!=prod", "absent=x", "!tier", "tier=web,tier=db", "env notin (prod)"])
      expect([text, selects(text, labels)]).toEqual([text, false]);
  });

  it("names the term that it cannot read", () => {
    for (const text of [
      "a=b,,c",
      "a=b,",
      "a>1",
      "a in b",
      "a in (b",
      "in (a)",
      "a=b=c",
      "!a=b",
      "a b",
      "-a=b",
    ])
      expect([text, refusal(text)]).toEqual([text, expect.stringContaining("is no")]);
    expect(refusal("a=-b")).toContain('"-b" is no label value');
    expect(refusal(`a=${"b".repeat(64)}`)).toContain("is no label value");
  });

  it("is bounded in characters, terms and values", () => {
    expect(refusal("a".repeat(SELECTOR_CHARS_MAX + 1))).toContain(String(SELECTOR_CHARS_MAX));
    expect(refusal(Array.from({ length: 51 }, () => "a").join(","))).toContain("51 terms, the limit is 50");
    expect(refusal(`a in (${"b,".repeat(101)}b)`)).toContain("102 values, the limit is 100");
  });

  it("reads back what is written, as the same selector", () => {
    fc.assert(
      fc.property(selector, (written) => {
        fc.pre((written.matchExpressions ?? []).length > 0);
        expect(parseSelectorText(writeSelectorText(written))).toEqual({ kind: "parsed", selector: written });
      }),
    );
  });

  it("never throws, and what it reads is a valid Selector", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: fc.constantFrom("a", "b", "=", "!", "(", ")", ",", " ", "in") }),
        ),
        (text) => {
          const parsed = parseSelectorText(text);
          expect(parsed.kind === "refused" || selectorSchema.safeParse(parsed.selector).success).toBe(true);
        },
      ),
    );
  });
});
