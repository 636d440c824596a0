/** Policies in Rego, by the real Open Policy Agent: Gatekeeper's templates as they are, and Conftest's way. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeBundle } from "#core/bundle.ts";
import type { Findings } from "#core/finding.ts";
import type { KubeObject } from "#core/object.ts";
import { policySchema, type Policy } from "#core/policy.ts";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { judgeRego } from "../../../functions/policy/rego.ts";
import { createRenderer, type Renderer } from "../../../functions/render/render.ts";

let renderer: Renderer;
beforeAll(async () => {
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  renderer = createRenderer({ wasmFile, workers: 1, timeoutMs: 20_000, memoryBytesMax: 256 * 1024 * 1024 });
}, 600_000);
afterAll(() => renderer?.close());

const policy = (module: string, spec: object = {}): Policy =>
  policySchema.parse({
    apiVersion: "fairlead.dev/v1",
    kind: "Policy",
    metadata: { name: "p", project: "web" },
    spec: {
      rego: { module, ...("parameters" in spec ? { parameters: spec.parameters } : {}) },
      ...("match" in spec ? { match: spec.match } : {}),
    },
  });
const context = {
  app: { name: "shop", namespace: "shop", labels: {} },
  project: { name: "web", labels: {} },
};
const judge = (one: Policy, ...objects: object[]): Promise<Findings> =>
  judgeRego(renderer, [one], context, [makeBundle(objects as KubeObject[])]);

const pod = (name: string, image: string, labels: Record<string, string> = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels },
  spec: { containers: [{ name: "c", image }] },
});

/** In the Rego of Gatekeeper's library, which is older than OPA 1.0. */
const REQUIRED_LABELS = `package requiredlabels
violation[{"msg": msg, "details": {"missing": missing}}] {
  provided := {label | input.review.object.metadata.labels[label]}
  required := {label | label := input.parameters.labels[_]}
  missing := required - provided
  count(missing) > 0
  msg := sprintf("%v lacks the labels %v", [input.review.kind.kind, missing])
}
`;
const NO_LATEST = `package nolatest
deny contains msg if {
  some container in input.review.object.spec.containers
  endswith(container.image, ":latest")
  msg := sprintf("%s is of no version", [container.image])
}
`;

describe("a Policy in Rego", () => {
  it("takes a template of Gatekeeper as it is, with its parameters", async () => {
    const one = policy(REQUIRED_LABELS, { parameters: { labels: ["team"] } });
    expect(await judge(one, pod("a", "x:1"), pod("b", "x:1", { team: "web" }))).toEqual({
      total: 1,
      listed: [{ by: "Policy p", object: "Pod shop/a", message: 'Pod lacks the labels {"team"}' }],
    });
  });

  it("takes today's Rego and the rule `deny`, only for the kinds that it is about", async () => {
    const found = await judge(policy(NO_LATEST), pod("a", "x:latest"), pod("b", "x:2"));
    expect(found.listed).toEqual([
      { by: "Policy p", object: "Pod shop/a", message: "x:latest is of no version" },
    ]);
    const others = policy(NO_LATEST, { match: { kinds: ["Deployment"] } });
    expect(await judge(others, pod("a", "x:latest"))).toEqual({ total: 0, listed: [] });
  });

  it.each([
    ["does not compile", "package p\ndeny contains msg if { nothing(1); msg := 1 }"],
    [
      "reaches for the network",
      'package p\ndeny contains msg if { http.send({"url": "http://localhost"}); msg := "x" }',
    ],
    ["asks for the time", 'package p\ndeny contains msg if { time.now_ns() > 0; msg := "x" }'],
    ["asks for chance", 'package p\ndeny contains msg if { rand.intn("x", 3) > 0; msg := "x" }'],
    ["looks up a name", 'package p\ndeny contains msg if { net.lookup_ip_addr("localhost"); msg := "x" }'],
    ["has neither rule", "package p\nallow := true"],
  ])("that %s is a finding, never a pass", async (_, module) => {
    const found = await judge(policy(module), pod("a", "x:1"));
    expect(found.total).toBe(1);
    expect(found.listed[0]?.message).toMatch(/cannot be evaluated/);
  });

  it("that never ends, or takes all memory, is ended within its bounds, and the next one works", async () => {
    const endless = `package p
deny contains msg if { some i in numbers.range(1, 1000000); some j in numbers.range(1, 1000000); i + j < 0; msg := "x" }`;
    const found = await judge(policy(endless), pod("a", "x:1"));
    expect(found.listed[0]?.message).toMatch(/more memory than 256 MiB|longer than 20000 ms/);
    expect((await judge(policy(NO_LATEST), pod("a", "x:latest"))).total).toBe(1);
  }, 120_000);

  it("must have a module that is one, or CEL beside it", () => {
    expect(
      policySchema.safeParse({
        apiVersion: "fairlead.dev/v1",
        kind: "Policy",
        metadata: { name: "p" },
        spec: {},
      }).success,
    ).toBe(false);
    expect(() => policy("deny := 1")).toThrow("package NAME");
  });
});
