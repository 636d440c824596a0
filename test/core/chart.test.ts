/** What an App may say of a chart elsewhere, where Projects allow it, who may name a credential for it, and when it is looked for. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { App } from "#core/app.ts";
import type { PutChange } from "#core/apply-plan.ts";
import { needsOf } from "#core/apply-rights.ts";
import { httpAddress, type ChartRef } from "#core/chart.ts";
import {
  CHART_RANGE_MS,
  chartAsked,
  chartDueAt,
  usableChart,
  type ChartState,
  type WatchedChart,
} from "#core/chart-state.ts";
import { projectSchema } from "#core/project.ts";
import { allowsSource, chartRefusal, sourceAddress } from "#core/project-rules.ts";
import { diffResources } from "#core/resource-diff.ts";
import { parseResource } from "#core/resource.ts";

const CHART = { repository: "https://charts.example.com/stable", name: "shop", version: "1.2.3" };
const parse = (chart: object, spec: object = {}) =>
  parseResource("document", {
    apiVersion: "fairlead.dev/v1",
    kind: "App",
    metadata: { name: "shop" },
    spec: { source: "fleet", clusters: {}, chart: { ...CHART, ...chart }, ...spec },
  });
const refusal = (chart: object, spec: object = {}): string => {
  const parsed = parse(chart, spec);
  if (parsed.kind !== "refused") throw new Error("was not refused");
  return parsed.message;
};
function appOf(chart: object = {}): App & { spec: { chart: ChartRef } } {
  const parsed = parse(chart);
  if (parsed.kind === "refused" || parsed.resource.kind !== "App") throw new Error(JSON.stringify(parsed));
  return parsed.resource as App & { spec: { chart: ChartRef } };
}

describe("spec.chart", () => {
  it("takes Helm repositories and registries, versions and ranges", () => {
    for (const chart of [
      {},
      { repository: "http://charts.example.com" },
      { repository: "oci://registry.example.com:5000/team/charts", name: "shop-api" },
      { repository: "oci://localhost:5000" },
      { version: "^1.2" },
      { version: "1.2.3-rc.1+build.5", digest: `sha256:${"a".repeat(64)}` },
      { credentials: "charts" },
    ])
      expect(parse(chart).kind, JSON.stringify(chart)).toBe("parsed");
  });

  it("refuses what cannot be meant, with the way out", () => {
    const cases: [chart: object, message: string][] = [
      [{ repository: "git://x/y" }, "must be the address of a Helm repository"],
      [{ repository: "https://ada:pw@charts.example.com" }, "must hold no credentials"],
      [{ repository: "oci://ada:pw@registry.example.com/x" }, "must hold no credentials"],
      [{ repository: "https://charts.example.com?x=1" }, "neither a query nor a fragment"],
      [{ repository: "oci://registry.example.com/a%2fb" }, "no encoded slash"],
      [{ repository: "oci://registry.example.com/Team" }, "lower-case letters"],
      [{ repository: "oci://registry.example.com/x", name: "Shop" }, "must be in lower case"],
      [{ name: "../shop" }, "is no name of a chart"],
      [{ version: "latest" }, "is neither a version (1.2.3) nor a range"],
      [{ version: "^1", digest: `sha256:${"a".repeat(64)}` }, "is a range: write the version out"],
      [{ digest: "abc" }, "must be sha256: and 64"],
      [{ repository: "http://charts.example.com", credentials: "c" }, "would be sent over plain http"],
    ];
    for (const [chart, message] of cases) expect(refusal(chart), JSON.stringify(chart)).toContain(message);
  });

  it("goes with a path where values files are, and with no path where there are none", () => {
    expect(refusal({}, { path: "apps/shop" })).toContain("take one of the two");
    const overrides = [{ clusters: {}, path: "apps/eu" }];
    expect(refusal({}, { overrides })).toContain("spec.overrides");
    const helm = { valuesFiles: ["values.yaml"] };
    expect(parse({}, { path: "apps/shop", helm }).kind).toBe("parsed");
    expect(parse({}, { overrides: [{ ...overrides[0], helm }] }).kind).toBe("parsed");
  });
});

describe("httpAddress", () => {
  it("speaks https to registries, and plain http to those on this machine alone", () => {
    const of = (repository: string) => httpAddress(repository)?.href;
    expect(of("oci://registry.example.com:5000/a")).toBe("https://registry.example.com:5000/a");
    for (const host of ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"])
      expect(of(`oci://${host}/a`)).toBe(`http://${host}/a`);
    for (const host of ["localhost.example.com", "127.0.0.1.example.com", "10.0.0.1"])
      expect(of(`oci://${host}/a`)).toBe(`https://${host}/a`);
  });
});

describe("a Project's sources", () => {
  const project = (...sources: string[]) =>
    projectSchema.parse({
      apiVersion: "fairlead.dev/v1",
      kind: "Project",
      metadata: { name: "web" },
      spec: { sources },
    });
  const oci = { repository: "oci://registry.example.com/team/charts/", name: "shop", version: "1.0.0" };

  it("allow a chart by its repository or by itself", () => {
    for (const glob of [
      "**",
      "oci://registry.example.com/team/**",
      "oci://registry.example.com/team/charts/",
      "oci://registry.example.com/team/charts/shop",
    ])
      expect(chartRefusal(project(glob), "shop", oci), glob).toBeUndefined();
    for (const glob of [
      "https://registry.example.com/**",
      "oci://registry.example.com/team/charts/cart",
      "oci://registry.example.com/other/**",
      "oci://registry.example.co/**",
    ])
      expect(chartRefusal(project(glob), "shop", oci), glob).toContain(
        "is not among spec.sources of Project web",
      );
  });

  it("see a registry's address as it is spoken to: dots resolved, no second reading", () => {
    expect(sourceAddress("oci://Registry.example.com:443/a/../b")).toBe("oci://registry.example.com/b");
    expect(sourceAddress("oci://registry.example.com/a%2fb")).toBeUndefined();
    const climbs = "oci://registry.example.com/team/../other/x";
    expect(allowsSource(project("oci://registry.example.com/team/**"), climbs)).toBe(false);
  });
});

describe("the credential of a chart", () => {
  const asks = (before: App | undefined, after: App) => {
    const held = { version: 1, deleting: false, stamp: undefined, managedBy: undefined };
    const change: PutChange = {
      kind: "put",
      place: "",
      resource: after,
      before: before === undefined ? undefined : { ...held, resource: before },
      managedBy: undefined,
      outcome: before === undefined ? "created" : "configured",
      diff: diffResources(before, after),
    };
    const needs = needsOf(change, () => undefined);
    return needs.filter((need) => need.kind === "ask" && need.ask.noun === "credentials").length;
  };

  it("may be named, and taken to another host, by who may write credentials", () => {
    const [plain, mine] = [appOf(), appOf({ credentials: "charts" })];
    expect(asks(undefined, plain)).toBe(0);
    expect(asks(undefined, mine)).toBe(1);
    expect(asks(plain, mine)).toBe(1);
    expect(asks(mine, appOf({ credentials: "charts", version: "2.0.0" }))).toBe(0);
    expect(asks(mine, appOf({ credentials: "charts", repository: "https://evil.example.com" }))).toBe(1);
    expect(asks(mine, plain)).toBe(0);
  });
});

const DIGEST = "a".repeat(64);
const found = (asked: string, at = 1000): ChartState & { kind: "found" } => ({
  kind: "found",
  asked,
  version: "1.2.3",
  digest: DIGEST,
  at,
});
const watched = (
  chart: object,
  state: ChartState | undefined,
  rest: Partial<WatchedChart> = {},
): WatchedChart => {
  const app = appOf(chart);
  const asked = chartAsked(app.spec.chart, { kind: "nothing" });
  return { app, chart: app.spec.chart, asked, state, lookedAt: undefined, credentialAt: undefined, ...rest };
};
const askedOf = (chart: object) => chartAsked(appOf(chart).spec.chart, { kind: "nothing" });

describe("chartDueAt", () => {
  it("is at once for what was never found, or was found for another wish", () => {
    expect(chartDueAt(watched({}, undefined))).toBe(0);
    expect(chartDueAt(watched({}, found(askedOf({ version: "1.2.4" }))))).toBe(0);
    const signed = chartAsked(appOf().spec.chart, { kind: "signature", signers: [], digest: "x" });
    expect(signed).not.toBe(askedOf({}));
  });

  it("is never for an archive that the App pins", () => {
    const pinned = { digest: `sha256:${DIGEST}` };
    expect(chartDueAt(watched(pinned, found(askedOf(pinned))))).toBe(Number.POSITIVE_INFINITY);
  });

  it("comes for a range within its interval, counted from the last look", () => {
    const range = { version: "^1" };
    fc.assert(
      fc.property(fc.nat(10 ** 9), fc.option(fc.nat(10 ** 9), { nil: undefined }), (at, lookedAt) => {
        const due = chartDueAt(watched(range, found(askedOf(range), at), { lookedAt }));
        const last = Math.max(at, lookedAt ?? 0);
        expect(due).toBeGreaterThanOrEqual(last + CHART_RANGE_MS * 0.9);
        expect(due).toBeLessThanOrEqual(last + CHART_RANGE_MS);
      }),
    );
  });

  it("waits longer after each failure, an hour at most, and not at all for a new credential", () => {
    const failed = (attempts: number): ChartState => ({
      kind: "failed",
      asked: askedOf({}),
      code: "auth",
      message: "no",
      at: 0,
      attempts,
    });
    const waits = [1, 2, 3, 7, 50].map((attempts) => chartDueAt(watched({}, failed(attempts))) / 60_000);
    expect(waits).toEqual([1, 2, 4, 60, 60]);
    expect(chartDueAt(watched({}, failed(9), { credentialAt: 1 }))).toBe(0);
  });
});

describe("usableChart", () => {
  it("is what was found for the same wish, also behind a failure; nothing else", () => {
    const own = found("one");
    const failed = (last: typeof own | undefined): ChartState => ({
      kind: "failed",
      asked: "two",
      code: "server",
      message: "",
      at: 1,
      attempts: 1,
      ...(last === undefined ? {} : { last }),
    });
    expect(usableChart(own, "one")).toBe(own);
    expect(usableChart(own, "two")).toBeUndefined();
    expect(usableChart(failed(own), "one")).toBe(own);
    expect(usableChart(failed(own), "two")).toBeUndefined();
    expect(usableChart(failed(undefined), "one")).toBeUndefined();
  });
});
