/**
 * The contract against the real thing: thousands of requests made from `/openapi.json`, good and bad, to a live server.
 * No answer is a failure, and each has a status, a type and a shape that the contract names.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../../../functions/local/http.ts";
import { apiHub, type ApiHub } from "../../support/api-hub.ts";
import { schemathesis, type SchemathesisReport } from "../../support/schemathesis.ts";

const CASES_MIN = 2_000;
const OFTEN = { perSecond: 1_000_000, burst: 1_000_000 };
const failures: Record<string, unknown>[] = [];
let hub: ApiHub;
let http: Awaited<ReturnType<typeof listen>>;

beforeAll(async () => {
  hub = await apiHub();
  const log = (entry: Record<string, unknown>) => {
    if (entry["level"] === "error") failures.push(entry);
  };
  const api = hub.build({ log, limits: { reads: OFTEN, writes: OFTEN } });
  http = await listen((request, env) => api.fetch(request, env), 0);
}, 300_000);
afterAll(async () => {
  await http?.close();
  await hub?.stop();
});

/**
 * A good request is not always taken: no schema says which cursor, charter, selector or name is good. A bad one is
 * refused by one of the contract's refusals, or by the server in front of it. Other methods are for `routes.test.ts`:
 * who is not proved is told 401 there, which is no answer that this check knows.
 */
const CHECKS = `
[checks]
positive_data_acceptance.enabled = false
unsupported_method.enabled = false
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 431]
`;
/** One worker: with more, which case comes when is not decided by the seed alone. */
const ALWAYS = [
  "--seed",
  "4711",
  "--workers",
  "1",
  "--request-timeout",
  "30",
  "--continue-on-failure",
  "--warnings",
  "off",
];

const run = (config: string, ...args: string[]) =>
  schemathesis({
    url: `http://127.0.0.1:${http.port}`,
    token: hub.tokens.admin,
    config,
    args: [...ALWAYS, ...args],
  });

function expectClean({ report, told }: { report: SchemathesisReport; told: string }): void {
  const { complete, errors, operations, test_cases } = report;
  expect({ failures: report.failures, errors, server: failures }, told).toEqual({
    failures: [],
    errors: [],
    server: [],
  });
  expect([complete, test_cases.errored]).toEqual([true, 0]);
  expect(operations.tested).toBe(operations.selected);
}

describe("the contract", () => {
  it("holds for whatever names, queries and bodies are made of it", async () => {
    const { report, told } = await run(
      CHECKS,
      "--max-examples",
      "15",
      "--phases",
      "examples,coverage,fuzzing",
    );
    expectClean({ report, told });
    expect(report.operations.tested).toBe(report.operations.total);
    expect(report.test_cases.generated).toBeGreaterThanOrEqual(CASES_MIN);
    console.log(`schemathesis: ${report.test_cases.generated} cases over ${report.operations.tested} routes`);
  }, 900_000);

  it("holds for what is really there", async () => {
    await hub.apply({
      kind: "Policy",
      metadata: { name: "shop" },
      spec: { validations: [{ expression: "true", message: "fine" }] },
    });
    const config = `${CHECKS}
[parameters]
"path.project" = "default"
"path.app" = "shop"
"path.cluster" = "a"
"path.release" = 1
"path.name" = "shop"
[[operations]]
include-path-regex = "/sources/"
parameters = { "path.name" = "fleet" }
[[operations]]
include-path-regex = "/clusters/\\\\{name\\\\}"
parameters = { "path.name" = "a" }
`;
    const { report, told } = await run(
      config,
      "--max-examples",
      "8",
      "--include-method",
      "GET",
      "--phases",
      "fuzzing",
    );
    expectClean({ report, told });
    const accepted = Object.values(report.valid_rates).map((phases) =>
      Object.values(phases).reduce((sum, { accepted }) => sum + accepted, 0),
    );
    // The shapes of answers are checked only where there are answers.
    expect(accepted.filter((count) => count > 0).length).toBeGreaterThan(accepted.length * 0.9);
  }, 900_000);
});
