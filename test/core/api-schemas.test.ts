import { describe, expect, it } from "vitest";
import { apiSchemas, apiSchemasSchema, isBuiltIn, mergeSchemas, type ApiSchemas } from "#core/api-schemas.ts";
import type { KubeObject } from "#core/object.ts";
import { misfitsOf } from "#core/schema-check.ts";
import { schemaFindings } from "#core/schema-findings.ts";

const REF = "#/components/schemas/";
const kind = (group: string, version: string, name: string) => ({
  "x-kubernetes-group-version-kind": [{ group, version, kind: name }],
});
/** As `/openapi/v3/apis/apps/v1` writes it, with one of everything that counts. */
const document = {
  openapi: "3.0.0",
  paths: { "/apis/apps/v1": {} },
  components: {
    schemas: {
      "a.Deployment": {
        type: "object",
        description: "long",
        properties: {
          apiVersion: { type: "string" },
          kind: { type: "string" },
          metadata: { allOf: [{ $ref: `${REF}m.ObjectMeta` }], default: {} },
          spec: { allOf: [{ $ref: `${REF}a.Spec` }], default: {} },
          status: { allOf: [{ $ref: `${REF}a.Status` }] },
        },
        ...kind("apps", "v1", "Deployment"),
      },
      "a.DeploymentList": { type: "object", properties: {}, ...kind("apps", "v1", "DeploymentList") },
      "m.DeleteOptions": {
        type: "object",
        "x-kubernetes-group-version-kind": [
          { group: "", version: "v1", kind: "DeleteOptions" },
          { group: "apps", version: "v1", kind: "DeleteOptions" },
        ],
      },
      "c.Gadget": { type: "object", properties: {}, ...kind("example.org", "v1", "Gadget") },
      "m.ObjectMeta": {
        type: "object",
        properties: {
          name: { type: "string" },
          namespace: { type: "string" },
          labels: { type: "object", additionalProperties: { type: "string", default: "" } },
          creationTimestamp: { allOf: [{ $ref: `${REF}m.Time` }] },
        },
      },
      "m.Time": { type: "string", format: "date-time" },
      "a.Spec": {
        type: "object",
        required: ["selector"],
        properties: {
          replicas: { type: "integer", format: "int32" },
          paused: { type: "boolean" },
          selector: { type: "object", additionalProperties: { type: "string" } },
          port: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
          cpu: { oneOf: [{ type: "string" }, { type: "number" }] },
          args: { type: "array", items: { type: "string" } },
          raw: { type: "object" },
          open: { type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: {} },
          self: { $ref: `${REF}a.Spec` },
          lost: { $ref: `${REF}a.Nowhere` },
        },
      },
      "a.Status": { type: "object", required: ["conditions"], properties: {} },
      "z.Unreached": { type: "object", properties: {} },
    },
  },
};
const schemas = apiSchemas(document);

const deployment = (spec: unknown, more: object = {}): KubeObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: "shop" },
  spec,
  ...more,
});
const told = (object: KubeObject, known: ApiSchemas = schemas) =>
  misfitsOf(object, known).map(({ level, message }) => `${level}: ${message}`);
const good = { selector: { app: "web" } };

describe(apiSchemas, () => {
  it("keeps the built-in kinds and what they are made of, and nothing else", () => {
    expect(schemas.kinds).toEqual({ "apps/v1/Deployment": "a.Deployment" });
    expect(Object.keys(schemas.types)).toEqual([
      "a.Deployment",
      "a.Nowhere",
      "a.Spec",
      "a.Status",
      "m.ObjectMeta",
      "m.Time",
    ]);
    expect(apiSchemasSchema.parse(JSON.parse(JSON.stringify(schemas)))).toEqual(schemas);
  });

  it("of several documents is one, in any order", () => {
    const other = { ...schemas, kinds: { "v1/Pod": "a.Deployment" } };
    expect(mergeSchemas(schemas, other)).toEqual(mergeSchemas(other, schemas));
    expect(Object.keys(mergeSchemas(other, schemas).kinds)).toEqual(["apps/v1/Deployment", "v1/Pod"]);
  });

  it.each([null, "x", [], { components: 1 }, { components: { schemas: { a: 1, b: { allOf: [1] } } } }])(
    "of nonsense is nothing: %j",
    (value) => expect(apiSchemas(value).kinds).toEqual({}),
  );

  it("of what goes in circles or too deep ends", () => {
    let deep: object = { type: "string" };
    for (let n = 0; n < 10_000; n++) deep = { type: "array", items: deep };
    const all = {
      a: { properties: { deep }, type: "object", ...kind("apps", "v1", "Deep") },
      b: { $ref: `${REF}b`, ...kind("apps", "v1", "Circle") },
    };
    const made = apiSchemas({ components: { schemas: all } });
    expect(apiSchemasSchema.safeParse(made).success).toBe(true);
    expect(told({ ...deployment(good), kind: "Circle" }, made)).toEqual([]);
  });
});

describe(isBuiltIn, () => {
  it.each(["api/v1", "apis/apps/v1", "apis/networking.k8s.io/v1beta1"])("%s is", (path) =>
    expect(isBuiltIn(path)).toBe(true),
  );
  it.each([
    "api",
    "apis/apps",
    "apis/example.org/v1",
    "apis/gateway.networking.k8s.io/v1",
    "version",
    "apis//v1",
  ])("%s is not", (path) => expect(isBuiltIn(path)).toBe(false));
});

describe(misfitsOf, () => {
  it("finds nothing wrong with what fits, null and any status among it", () => {
    const spec = {
      ...good,
      replicas: 3,
      paused: null,
      port: "http",
      cpu: 0.5,
      args: ["a", null],
      raw: { any: [1] },
      open: { x: 1 },
      self: { selector: {} },
      lost: 7,
    };
    const object = deployment(spec, { status: { whatever: 1 } });
    object.metadata["creationTimestamp"] = null;
    expect(told(object)).toEqual([]);
    expect(told(deployment({ ...good, port: 80, cpu: "500m" }))).toEqual([]);
  });

  it.each([
    [{ ...good, replicas: "3" }, "error: spec.replicas: must be a whole number, is a text"],
    [{ ...good, replicas: 1.5 }, "error: spec.replicas: must be a whole number, is a number"],
    [{ ...good, paused: "true" }, "error: spec.paused: must be true or false, is a text"],
    [{ ...good, port: true }, "error: spec.port: must be a whole number or a text, is true or false"],
    [{ ...good, cpu: [] }, "error: spec.cpu: must be a quantity, is a list"],
    [{ ...good, args: "x" }, "error: spec.args: must be a list, is a text"],
    [{ ...good, args: ["x", 1] }, "error: spec.args[1]: must be a text, is a whole number"],
    [{ selector: { app: 1 } }, 'error: spec.selector["app"]: must be a text, is a whole number'],
    [{ selector: "app" }, "error: spec.selector: must be an object, is a text"],
    [[], "error: spec: must be an object, is a list"],
    [{ ...good, replica: 3 }, "warning: spec.replica: is no field that the cluster knows"],
    [{}, "warning: spec.selector: is required and missing"],
    [{ ...good, self: {} }, "warning: spec.self.selector: is required and missing"],
    [{ ...good, constructor: 1 }, "warning: spec.constructor: is no field that the cluster knows"],
  ])("of %j says what does not fit, and where", (spec, message) => {
    expect(told(deployment(spec))).toEqual([message]);
  });

  it("never quotes a value, and is bounded", () => {
    const spec = { ...good, args: Array.from({ length: 1000 }, () => ({ secret: "hunter2" })) };
    expect(told(deployment(spec))).toHaveLength(10);
    expect(told(deployment(spec)).join()).not.toContain("hunter2");
  });

  it("has nothing to say about a kind that was not told", () => {
    expect(told({ ...deployment(1), apiVersion: "example.org/v1", kind: "Gadget" })).toEqual([]);
    expect(told({ ...deployment(1), apiVersion: "__proto__", kind: "x" })).toEqual([]);
  });
});

describe(schemaFindings, () => {
  it("tells a misfit once for all clusters that know the kind alike, and nothing for who told none", () => {
    const objects = [deployment({ ...good, replicas: "3", replica: 1 })];
    const known = new Map([
      ["a", schemas],
      ["b", schemas],
    ]);
    const deliveries = [
      { objects, clusters: ["a", "silent"] },
      { objects: [...objects], clusters: ["b"] },
    ];
    const { errors, warnings } = schemaFindings(deliveries, known);
    expect(errors).toEqual({
      total: 1,
      listed: [
        {
          by: "Kubernetes",
          object: "Deployment shop/web",
          message: "spec.replicas: must be a whole number, is a text, as clusters a, b tell",
        },
      ],
    });
    expect(warnings.total).toBe(1);
  });

  it("leaves what SOPS encrypted to the agent", () => {
    const object = deployment({ replicas: "ENC[…]" }, { sops: { age: [] } });
    const { errors } = schemaFindings([{ objects: [object], clusters: ["a"] }], new Map([["a", schemas]]));
    expect(errors.total).toBe(0);
  });
});
