/**
 * Policies over real bundles, in the process that really evaluates them. A hostile expression must cost that process
 * and nothing else, and must never count as a pass.
 */
import { describe, expect, it } from "vitest";
import { judgeBundles } from "../../../functions/policy/run.ts";
import { bundle, configMap, context, deployment, policy } from "./support.ts";

const noLatest = policy(
  "no-latest",
  [
    [
      "object.spec.template.spec.containers.all(c, !c.image.endsWith(':latest') && c.image.contains(':'))",
      "an image must be named with a tag that is not latest",
    ],
  ],
  { match: { kinds: ["Deployment"] } },
);

const SIZES = { timeoutMs: 60_000, memoryMiB: 512 };
const judgeOf = (policies: Parameters<typeof judgeBundles>[0], ...objects: Parameters<typeof bundle>) =>
  judgeBundles(policies, context, [bundle(...objects)], SIZES);

describe("judgeBundles", () => {
  it("names policy, object and words of what breaks a rule, and lets pass what does not", async () => {
    const judged = await judgeOf(
      [noLatest],
      deployment("web", "shop:latest"),
      deployment("api", "shop:1.4"),
      configMap("c"),
    );
    expect(judged).toEqual({
      kind: "judged",
      findings: {
        total: 1,
        listed: [
          {
            by: "Policy no-latest",
            object: "Deployment shop/web",
            message: "an image must be named with a tag that is not latest",
          },
        ],
      },
    });
  });

  it("reads optional fields with has() and with optionals, and whole numbers as int", async () => {
    const nonRoot = policy(
      "non-root",
      "has(object.spec.template.spec.securityContext) && object.spec.template.spec.securityContext.?runAsNonRoot.orValue(false)",
    );
    const few = policy(
      "few",
      "object.spec.replicas <= 3 && object.spec.replicas % 2 == 0 && type(object.spec.replicas) == int",
    );
    const good = deployment("good", "a:1", { securityContext: { runAsNonRoot: true } });
    expect(await judgeOf([nonRoot, few], good)).toMatchObject({ findings: { total: 0 } });
    expect(await judgeOf([nonRoot, few], deployment("bad", "a:1"))).toMatchObject({
      findings: { total: 1, listed: [{ by: "Policy non-root", object: "Deployment shop/bad" }] },
    });
  });

  it("knows labels of App and Project, and the namespace an object will have", async () => {
    const labelled = policy(
      "labelled",
      "object.metadata.labels['team'] == app.labels.team && project.name == 'default'",
    );
    const here = policy("here", "object.metadata.namespace == app.namespace");
    const object = { ...configMap("c"), metadata: { name: "c", labels: { team: "web" } } };
    expect(await judgeOf([labelled, here], object)).toMatchObject({ findings: { total: 0 } });
  });

  it("lets an expression that fails be a finding, never a pass", async () => {
    const erring = policy("erring", "object.spec.nothing.here == 1");
    const odd = policy("odd", "object.metadata.name");
    expect(await judgeOf([erring, odd], deployment("web", "a:1"))).toMatchObject({
      findings: {
        total: 2,
        listed: [
          { message: "validation 1 cannot be evaluated: No such key: nothing" },
          { message: "validation 1 cannot be evaluated: it gives neither true nor false" },
        ],
      },
    });
  });

  it("lists twenty findings and counts all", async () => {
    const objects = Array.from({ length: 30 }, (_, index) => configMap(`c${index}`));
    const judged = await judgeOf([policy("never", "false")], ...objects);
    if (judged.kind !== "judged") throw new Error(judged.message);
    expect(judged.findings.total).toBe(30);
    expect(judged.findings.listed).toHaveLength(20);
  });

  it("does not reach what JavaScript hangs on an object", async () => {
    const reach = ["constructor", "toString", "hasOwnProperty"].map((field) =>
      policy(field.toLowerCase(), `has(object.${field})`),
    );
    expect(await judgeOf(reach, configMap("c"))).toMatchObject({ findings: { total: 3 } });
  });

  it("stops a regular expression that would never end, and names the policy", async () => {
    const slow = policy("slow", "object.data.text.matches('^(a+)+$')");
    const hostile = configMap("c", { text: `${"a".repeat(80)}!` });
    expect(await judgeBundles([noLatest, slow], context, [bundle(hostile)], { timeoutMs: 1_500 })).toEqual({
      kind: "failed",
      policy: "slow",
      message: "took longer than 1500 ms: make its expressions simpler",
    });
  });

  it.each([
    [
      "lists within lists",
      "object.data.all(x, true) && object.items.map(a, object.items.map(b, object.items.map(c, a))).size() > 0",
    ],
    ["a list that doubles", doubled("object.items", 24, "size(V) > 0")],
    ["a text that doubles", doubled("object.data.text", 16, "size(V.upperAscii()) > 0")],
  ])("survives an expression that takes all memory: %s", async (_, expression) => {
    const object = {
      ...configMap("c", { text: "x".repeat(4_000) }),
      items: Array.from({ length: 3_000 }, (_item, n) => n),
    };
    const judged = await judgeBundles([policy("greedy", expression)], context, [bundle(object)], {
      timeoutMs: 60_000,
      memoryMiB: 64,
    });
    expect(judged).toMatchObject({
      kind: "failed",
      policy: "greedy",
      message: expect.stringContaining("more memory"),
    });
  });

  it("takes a bundle of ten thousand objects and one of many megabytes", async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => configMap(`c${index}`));
    expect(await judgeOf([policy("named", "object.metadata.name.startsWith('c')")], ...many)).toMatchObject({
      findings: { total: 0 },
    });
    const huge = configMap("huge", { text: "x".repeat(20 * 1024 * 1024) });
    expect(await judgeOf([policy("small", "size(object.data.text) < 1000000")], huge)).toMatchObject({
      findings: { total: 1 },
    });
  });

  it("starts no process when there is no policy", async () => {
    expect(await judgeBundles([], context, [bundle(configMap("c"))], { timeoutMs: 0 })).toEqual({
      kind: "judged",
      findings: { total: 0, listed: [] },
    });
  });
});

/** `last` over V: `value` put together with itself `times` over. */
function doubled(value: string, times: number, last: string): string {
  let inner = last.replace("V", `v${times}`);
  for (let n = times; n > 0; n--) inner = `cel.bind(v${n}, v${n - 1} + v${n - 1}, ${inner})`;
  return `cel.bind(v0, ${value}, ${inner})`;
}
