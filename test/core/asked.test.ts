import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allAsked,
  answersDigest,
  answersTo,
  ASKED_APIS_MAX,
  NOTHING_ASKED,
  type Asked,
} from "#core/asked.ts";
import { capabilitiesOf, STANDARD_APIS, type ClusterCapabilities } from "#core/capabilities.ts";

const api = fc.constantFrom("apps/v1", "v1/Secret", "a.example/v1", "b.example/v1", "b.example/v1/Thing");
const asked = fc.record({ kubeVersion: fc.boolean(), apis: fc.array(api), allApis: fc.boolean() });
const capabilities = fc
  .record({
    version: fc.option(fc.constantFrom("v1.33.1", "v1.34.0", "v1.34.9+k3s1"), { nil: undefined }),
    apis: fc.option(fc.array(api), { nil: undefined }),
  })
  .map(({ version, apis }) => capabilitiesOf(version, apis));
const fleet = (...all: ClusterCapabilities[]) => new Map(all.map((one, n) => [`c${n}`, one]));

describe(allAsked, () => {
  it("is the same in any order and asked twice, and holds each question", () => {
    fc.assert(
      fc.property(fc.array(asked), (all) => {
        const one = allAsked(all);
        expect(allAsked(all.toReversed())).toEqual(one);
        expect(allAsked([one, ...all, one])).toEqual(one);
        if (!one.allApis) expect(one.apis).toEqual([...new Set(all.flatMap(({ apis }) => apis))].sort());
        expect(one.kubeVersion).toBe(all.some(({ kubeVersion }) => kubeVersion));
      }),
    );
  });

  it("is bounded: too many questions are one about everything, and what no list can hold is none", () => {
    const many = Array.from({ length: ASKED_APIS_MAX + 1 }, (_, n) => `x${n}.example/v1`);
    expect(allAsked([{ ...NOTHING_ASKED, apis: many }])).toEqual({ ...NOTHING_ASKED, allApis: true });
    expect(allAsked([{ ...NOTHING_ASKED, apis: ["x".repeat(401)] }])).toEqual(NOTHING_ASKED);
  });
});

describe(answersDigest, () => {
  it("differs wherever a render or a finding could", () => {
    fc.assert(
      fc.property(asked, capabilities, capabilities, (questions, one, other) => {
        const same = answersDigest(questions, fleet(one)) === answersDigest(questions, fleet(other));
        if (same) expect(answersTo(questions, one)).toBe(answersTo(questions, other));
        if (one.apisTold && other.apisTold && one.versionTold && other.versionTold)
          expect(same).toBe(answersTo(questions, one) === answersTo(questions, other));
      }),
    );
  });

  it("stays when a definition is installed that nobody asked for", () => {
    const questions: Asked = { kubeVersion: true, apis: ["a.example/v1", "v1/Secret"], allApis: false };
    const before = fleet(capabilitiesOf("v1.34.1", STANDARD_APIS), capabilitiesOf("v1.34.1", STANDARD_APIS));
    const other = capabilitiesOf("v1.34.2", [...STANDARD_APIS, "b.example/v1", "b.example/v1/Thing"]);
    const wanted = capabilitiesOf("v1.34.2", [...STANDARD_APIS, "a.example/v1"]);
    const [first] = before.values();
    if (first === undefined) throw new Error("no cluster");
    expect(answersDigest(questions, fleet(first, other))).toBe(answersDigest(questions, before));
    expect(answersDigest(questions, fleet(first, wanted))).not.toBe(answersDigest(questions, before));
    expect(answersDigest({ ...questions, allApis: true }, fleet(first, other))).not.toBe(
      answersDigest({ ...questions, allApis: true }, before),
    );
  });

  it("tells a cluster that has told nothing only where the standard does not say it already", () => {
    const [silent, told] = [capabilitiesOf(undefined, undefined), capabilitiesOf(undefined, STANDARD_APIS)];
    const of = (apis: string[], one: ClusterCapabilities) =>
      answersDigest({ ...NOTHING_ASKED, apis }, fleet(one));
    expect(of(["apps/v1/Deployment"], silent)).toBe(of(["apps/v1/Deployment"], told));
    expect(of(["a.example/v1"], silent)).not.toBe(of(["a.example/v1"], told));
  });
});
