/** Policies, objects and bundles as the tests of this folder write them. */
import { makeBundle, type Bundle } from "#core/bundle.ts";
import type { KubeObject } from "#core/object.ts";
import { policySchema, type Policy } from "#core/policy.ts";
import type { Context } from "../../../functions/policy/judge.ts";

/** One validation, or several. */
export function policy(
  name: string,
  expressions: string | readonly [expression: string, message: string][],
  spec: object = {},
): Policy {
  const list = typeof expressions === "string" ? [[expressions, `breaks ${name}`] as const] : expressions;
  return policySchema.parse({
    apiVersion: "fairlead.dev/v1",
    kind: "Policy",
    metadata: { name },
    spec: { validations: list.map(([expression, message]) => ({ expression, message })), ...spec },
  });
}

export const context: Context = {
  app: { name: "shop", namespace: "shop", labels: { team: "web" } },
  project: { name: "default", labels: {} },
};

export function deployment(name: string, image: string, more: object = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { replicas: 2, template: { spec: { containers: [{ name: "main", image }], ...more } } },
  };
}

export const configMap = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});

export const bundle = (...objects: KubeObject[]): Bundle => makeBundle(objects);
