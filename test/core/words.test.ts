/** The small words that everything else is made of: selectors, templates, durations, text, digests, resources. */
import { describe, expect, it } from "vitest";
import { canonicalJson, digestOf } from "#core/digest.ts";
import { driftAudit, slotOf } from "#core/drift-audit.ts";
import { parseDuration } from "#core/duration.ts";
import { parseResource } from "#core/resource.ts";
import { matches } from "#core/selector.ts";
import { fill } from "#core/template.ts";
import { sentence } from "#core/text.ts";
import { clusterSchema } from "#core/cluster.ts";

const apiVersion = "fairlead.dev/v1";
const cluster = clusterSchema.parse({
  apiVersion,
  kind: "Cluster",
  metadata: { name: "eu-1", labels: { env: "prod" } },
  spec: { values: { zone: "a" } },
});

describe("matches", () => {
  it("has the semantics of Kubernetes' selectors", () => {
    expect(matches({}, {})).toBe(true);
    expect(matches({ matchLabels: { env: "prod" } }, { env: "prod" })).toBe(true);
    expect(matches({ matchLabels: { env: "prod" } }, {})).toBe(false);
    const not = { matchExpressions: [{ key: "env", operator: "NotIn" as const, values: ["prod"] }] };
    expect([matches(not, {}), matches(not, { env: "prod" })]).toEqual([true, false]);
    expect(matches({ matchExpressions: [{ key: "env", operator: "DoesNotExist" }] }, { tier: "web" })).toBe(
      true,
    );
  });
});

describe("fill", () => {
  it("puts in the cluster's name, labels and values, and knows defaults and escapes", () => {
    expect(fill("a/${cluster.name}/${cluster.labels.env}/${cluster.values.zone}", cluster)).toEqual({
      kind: "filled",
      text: "a/eu-1/prod/a",
    });
    expect(fill("${cluster.labels.ring:=0}$${x}", cluster)).toEqual({ kind: "filled", text: "0${x}" });
  });

  it("names the variables that a cluster lacks", () => {
    expect(fill("${cluster.labels.tier}/${cluster.name}/${other}", cluster)).toEqual({
      kind: "failed",
      missing: ["cluster.labels.tier", "other"],
    });
    expect(fill("${cluster.labels.constructor}", cluster).kind).toBe("failed");
  });
});

describe("parseDuration", () => {
  it("reads what people write", () => {
    expect([parseDuration("30s"), parseDuration("1h30m"), parseDuration("ten"), parseDuration("")]).toEqual([
      30_000,
      5_400_000,
      undefined,
      undefined,
    ]);
  });
});

describe("sentence", () => {
  it("is one bounded line without control characters or direction overrides", () => {
    expect(sentence("a\n\u001b[31mb\u202ec")).toBe("a [31mb c");
    expect(sentence("x".repeat(400))).toHaveLength(300);
  });
});

describe("canonicalJson", () => {
  it("does not depend on the order of keys, and keeps a key named __proto__", () => {
    expect(digestOf({ b: 1, a: { d: 2, c: 3 } })).toBe(digestOf({ a: { c: 3, d: 2 }, b: 1 }));
    expect(canonicalJson(JSON.parse('{"__proto__":1}'))).toBe('{"__proto__":1}');
  });
});

describe("parseResource", () => {
  it("names document, resource and path of what is wrong", () => {
    const parsed = parseResource("document 2", {
      apiVersion,
      kind: "App",
      metadata: { name: "shop" },
      spec: { source: "fleet", clusters: {}, rollout: { maxUnavailable: 0 } },
    });
    expect(parsed).toMatchObject({
      kind: "refused",
      message: expect.stringMatching(/^document 2 \(App shop\): spec\.rollout\.maxUnavailable/),
    });
  });

  it("refuses credentials in a URL and SSH, with the way out", () => {
    const source = (url: string) =>
      parseResource("document 1", {
        apiVersion,
        kind: "Source",
        metadata: { name: "fleet" },
        spec: { git: { url } },
      });
    expect(source("https://u:p@example.com/x.git")).toMatchObject({
      message: expect.stringContaining("must hold no credentials"),
    });
    expect(source("ssh://git@example.com/x.git")).toMatchObject({
      message: expect.stringContaining("use https"),
    });
    expect(source("https://example.com/x.git").kind).toBe("parsed");
  });

  it("refuses a field that it does not know: a typo is never silently ignored", () => {
    expect(
      parseResource("document 1", {
        apiVersion,
        kind: "Cluster",
        metadata: { name: "a" },
        spec: { pol: "5s" },
      }),
    ).toMatchObject({ kind: "refused" });
  });
});

describe("driftAudit", () => {
  const report = {
    seq: 1,
    epoch: 1,
    generation: 2,
    release: 2,
    phase: "healthy" as const,
    message: "",
    objects: 1,
    outcomes: {},
    drift: 0,
    at: 1,
  };
  const assigned = { action: "apply" as const, epoch: 1, generation: 2, release: 2, at: 1 };

  it("lists drift, silence and who is off the release, sorted", () => {
    const audit = driftAudit(
      {
        project: "default",
        placements: [
          {
            project: "default",
            app: "shop",
            cluster: "b",
            assigned,
            observed: { ...report, generation: 1, release: 1 },
          },
          {
            project: "default",
            app: "shop",
            cluster: "a",
            assigned,
            observed: { ...report, drift: 1 },
            detail: { failures: [], drift: [] },
          },
        ],
        clusters: [
          { name: "b", silent: true, heardAt: 5 },
          { name: "a", silent: false, heardAt: 9 },
        ],
      },
      "slot",
      10,
    );
    expect(audit).toMatchObject({
      drifted: [{ app: "shop", cluster: "a", total: 1 }],
      silent: [{ cluster: "b", heardAt: 5 }],
      offRelease: [{ app: "shop", cluster: "b", has: 1, wants: 2, why: "healthy: " }],
    });
  });

  it("has one slot for every moment within it", () => {
    expect(slotOf(Date.UTC(2026, 0, 1, 10, 59), 3_600_000)).toBe("2026-01-01T10:00:00.000Z");
  });
});
