/** The chart as helm sees it: clean, strict about its values, and restricted in all that it makes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PLACEMENT_DEFINITION } from "#core/shown-placement.ts";
import { PLACEMENTS_FILE, placementsText, renderManifest } from "../../cli/dev/manifest.ts";
import { MANIFEST_FILE } from "../../cli/agent-manifest.ts";
import { AGENT_NODE_ARGS } from "../../agent/build.ts";
import { CHART, helm, manifestsIn, rendered, type Manifest } from "../support/agent-pod.ts";

const IMAGE = { image: { repository: "registry.example/agent" } };
const LONG = { timeout: 300_000 };

const kinds = (all: readonly Manifest[]): string[] => all.map(({ kind }) => kind).sort();
const found = async (kind: string, values: object): Promise<Manifest | undefined> =>
  manifestsIn(await rendered(values)).find((one) => one.kind === kind);
const text = async (kind: string, values: object): Promise<string> =>
  JSON.stringify(await found(kind, values));

describe("the agent's chart", LONG, () => {
  it("has no findings of helm lint, and every value stands in docs/agent.md", async () => {
    expect(await helm(["lint", "--strict", CHART], IMAGE)).toContain("0 chart(s) failed");
    const docs = await readFile(new URL("../../docs/agent.md", import.meta.url), "utf8");
    const values = await readFile(join(CHART, "values.yaml"), "utf8");
    const names = [...values.matchAll(/^([a-zA-Z]+):/gm)].map((match) => match[1] ?? "");
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !docs.includes(`\`${name}`))).toEqual([]);
  });

  it("makes what one replica needs, and a budget where there are more", async () => {
    expect(kinds(manifestsIn(await rendered({})))).toEqual([
      "ClusterRoleBinding",
      "Deployment",
      "NetworkPolicy",
      "Role",
      "RoleBinding",
      "ServiceAccount",
    ]);
    expect(await found("PodDisruptionBudget", { replicas: 2 })).toMatchObject({
      spec: { maxUnavailable: 1 },
    });
    expect(await text("Deployment", { replicas: 2 })).toContain("podAntiAffinity");
    expect(await found("Secret", { token: { value: "fl1.abc" } })).toMatchObject({
      stringData: { token: "fl1.abc" },
    });
  });

  it("runs without rights on its node, by digest, with memory for its heap", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const deployment = await found("Deployment", { image: { ...IMAGE.image, digest } });
    const heapMb = Number(/--max-old-space-size=(\d+)/.exec(AGENT_NODE_ARGS.join(" "))?.[1]);
    expect(deployment).toMatchObject({
      spec: {
        template: {
          spec: {
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 65532,
              seccompProfile: { type: "RuntimeDefault" },
            },
            containers: [
              {
                image: `registry.example/agent@${digest}`,
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ["ALL"] },
                },
              },
            ],
          },
        },
      },
    });
    const limit = Number(/"limits":\{"memory":"(\d+)Mi"\}/.exec(JSON.stringify(deployment))?.[1]);
    // What Node needs beside its heap: test/bench/agent.ts.
    expect(limit).toBeGreaterThanOrEqual(heapMb + 96);
    expect(JSON.stringify(deployment)).not.toContain("emptyDir");
  });

  it("passes proxy and authorities on", async () => {
    const values = { proxy: { url: "http://proxy:3128", except: ".local" }, ca: { configMap: "roots" } };
    const deployment = await text("Deployment", values);
    expect(deployment).toContain('{"name":"HTTPS_PROXY","value":"http://proxy:3128"}');
    expect(deployment).toContain('{"name":"NO_PROXY","value":".local"}');
    expect(deployment).toContain('{"name":"NODE_EXTRA_CA_CERTS","value":"/etc/fairlead/ca/ca.crt"}');
    expect(deployment).toContain('"configMap":{"name":"roots"}');
  });

  it("lets nothing in, and out what is named", async () => {
    const values = { networkPolicy: { hub: { cidrs: ["203.0.113.7/32"], ports: [8443] } } };
    expect(await found("NetworkPolicy", values)).toMatchObject({
      spec: {
        policyTypes: ["Ingress", "Egress"],
        egress: [
          { ports: [{ port: 53 }, { port: 53 }] },
          { ports: [{ port: 443 }, { port: 6443 }] },
          { ports: [{ protocol: "TCP", port: 8443 }], to: [{ ipBlock: { cidr: "203.0.113.7/32" } }] },
        ],
      },
    });
  });

  it.each([
    ["no image", { image: { repository: "" } }, "image.repository is needed"],
    ["a value that is not known", { replica: 2 }, "replica"],
    ["a mode without its namespaces", { rbac: { mode: "namespaced" } }, "minItems"],
    ["a mode without its accounts", { rbac: { mode: "impersonate" } }, "minItems"],
    ["an account without its namespace", { rbac: { serviceAccounts: ["deployer"] } }, "serviceAccounts"],
    ["an authority twice", { ca: { configMap: "a", secret: "b" } }, "take one of them"],
    ["a token that is none", { token: { value: "secret" } }, "does not match pattern"],
  ])("refuses %s", async (_, values, why) => {
    await expect(rendered(values)).rejects.toThrow(why);
  });

  it("is what agent/manifest.yaml was rendered from: npm run manifest", async () => {
    expect(await readFile(MANIFEST_FILE, "utf8")).toBe(await renderManifest());
  });

  it("brings the kind of placements, and watches by namespace, where the agent may do neither for the whole", async () => {
    expect(await readFile(PLACEMENTS_FILE, "utf8")).toBe(placementsText());
    const fenced = { rbac: { mode: "namespaced", namespaces: ["shop"] } };
    const { definition } = PLACEMENT_DEFINITION;
    expect(await found("CustomResourceDefinition", fenced)).toEqual(JSON.parse(JSON.stringify(definition)));
    const watch = { name: "FAIRLEAD_WATCH", value: "namespaces" };
    expect(await text("Deployment", fenced)).toContain(JSON.stringify(watch));
    expect(await text("Deployment", {})).not.toContain(watch.name);
  });

  it("refuses another namespace than the agent's", async () => {
    const args = ["template", "agent", CHART];
    await expect(helm(args, IMAGE, "default")).rejects.toThrow("give --namespace fairlead-system");
  });
});
