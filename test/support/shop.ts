/** The repository of the line's test: a Kustomize base with a Deployment, a Service and settings, and an overlay for each cluster. */
const labels = `{ app: web }`;

export const deployment = (image: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: ${labels} }
  template:
    metadata: { labels: ${labels} }
    spec: { containers: [ { name: web, image: "${image}" } ] }
`;

export const configMap = (name: string, value: string): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name} }
data: { greeting: "${value}" }
`;

const service = `apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: ${labels}
  ports: [ { port: 80 } ]
`;

export const kustomization = (...resources: string[]): string =>
  `resources:\n${resources.map((file) => `  - ${file}\n`).join("")}`;

export const BASE = "apps/shop/base";

export function shopFiles(clusters: readonly string[]): Record<string, string> {
  const overlays = clusters.map((name) => [
    `apps/shop/overlays/${name}/kustomization.yaml`,
    `resources: [../../base]\nlabels:\n  - pairs: { env: ${name} }\n`,
  ]);
  return {
    [`${BASE}/kustomization.yaml`]: kustomization("web.yaml", "service.yaml", "settings.yaml", "extra.yaml"),
    [`${BASE}/web.yaml`]: deployment("registry.example/web:1"),
    [`${BASE}/service.yaml`]: service,
    [`${BASE}/settings.yaml`]: configMap("settings", "hello"),
    [`${BASE}/extra.yaml`]: configMap("extra", "more"),
    ...Object.fromEntries(overlays),
  };
}
