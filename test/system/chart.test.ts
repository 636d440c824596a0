/**
 * The agent as its chart runs it, in each mode of rights, on real API servers and against a real hub: what it needs it
 * may, and nothing else.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clusterViewSchema } from "#core/view.ts";
import { agentManifest } from "../../cli/agent-manifest.ts";
import { install, kubectl, may, rendered, startPod, type Ask } from "../support/agent-pod.ts";
import type { Cluster } from "../support/kubernetes/cluster.ts";
import { applyApp, live, placementOf, rolloutOf, startLine, type Line } from "../support/line.ts";
import { BASE, configMap, kustomization, shopFiles } from "../support/shop.ts";
import { DATA_ONLY, makeAgeKey, sopsEncrypted } from "../support/sops-files.ts";
import { until } from "../support/wait.ts";

const LONG_MS = 600_000;
const LONG = { timeout: LONG_MS };
/** Undefined: what the CLI prints for kubectl, with the chart's defaults. */
const MODES: Record<string, object | undefined> = {
  whole: undefined,
  fenced: { rbac: { mode: "namespaced", namespaces: ["shop"] } },
};
const NAMES = Object.keys(MODES);

let line: Line;
beforeAll(async () => {
  line = await startLine(NAMES, { start: installed });
  await line.tree.push(shopFiles(NAMES), "Start the shop");
}, 1_800_000);
afterAll(() => line?.stop(), LONG_MS);

async function installed(cluster: Cluster, token: string) {
  await kubectl(cluster, ["create", "namespace", "shop"]);
  const values = MODES[cluster.name];
  const text =
    values === undefined
      ? await agentManifest("registry.example/agent:1", token)
      : await rendered({ ...values, token: { value: token } });
  await install(cluster, text);
  const agent = await startPod(cluster, text);
  await until("the agent is registered", async () => agent.log().includes("registered as"));
  return agent;
}

const clusterOf = (name: string): Cluster => {
  const found = line.clusters[name];
  if (found === undefined) throw new Error(`no cluster ${name}`);
  return found;
};
/** The machine may do much else meanwhile. */
const arrives = (commit: string) =>
  until(`the release of ${commit}`, () => rolloutOf(line, commit), LONG_MS / 2);
const greeting = async (name: string, configMapName = "settings"): Promise<string | undefined> => {
  const found = (await live(line, name, "configmap", configMapName)) as
    | { data?: { greeting: string } }
    | undefined;
  return found?.data?.greeting;
};

describe.each(NAMES)("the agent in the mode %s", (name) => {
  it("is admitted where only restricted Pods are", LONG, async () => {
    await until("the Pod is there", async () => {
      const pods = await kubectl(clusterOf(name), ["get", "pods", "-n", "fairlead-system", "-o", "name"]);
      return pods.includes("pod/fairlead-agent-");
    });
  });
});

describe("the agents of all modes", () => {
  it("deliver, open what sops encrypted, restore drift and prune", LONG, async () => {
    const key = await makeAgeKey();
    const literal = `--from-literal=age.agekey=${key.identity}`;
    for (const name of NAMES)
      await kubectl(clusterOf(name), [
        "create",
        "secret",
        "generic",
        "fairlead-sops",
        "-n",
        "fairlead-system",
        literal,
      ]);
    const secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData: { password: abc }\n";
    const kept = ["web.yaml", "service.yaml", "settings.yaml", "db.yaml"];
    const first = await line.tree.push(
      {
        [`${BASE}/db.yaml`]: await sopsEncrypted(secret, key, ...DATA_ONLY),
        [`${BASE}/kustomization.yaml`]: kustomization(...kept, "extra.yaml"),
      },
      "Add the database's password",
    );
    await applyApp(line);
    await arrives(first);
    for (const name of NAMES) {
      expect(await greeting(name, "extra")).toBe("more");
      expect(await live(line, name, "secret", "db")).toMatchObject({ data: { password: "YWJj" } });
      const patch = '--patch={"data":{"greeting":"by hand"}}';
      await kubectl(clusterOf(name), ["patch", "configmap", "settings", "-n", "shop", patch]);
      await until(`drift in ${name} is restored`, async () => (await greeting(name)) === "hello");
    }
    const second = await line.tree.push(
      {
        [`${BASE}/settings.yaml`]: configMap("settings", "bye"),
        [`${BASE}/extra.yaml`]: undefined,
        [`${BASE}/kustomization.yaml`]: kustomization(...kept),
      },
      "Drop extra",
    );
    await arrives(second);
    for (const name of NAMES) {
      expect(await greeting(name)).toBe("bye");
      expect(await greeting(name, "extra")).toBeUndefined();
      expect((await placementOf(line, name)).observed?.phase).toBe("healthy");
      const reasons = ["get", "events", "-n", "fairlead-system", "-o", "jsonpath={.items[*].reason}"];
      await until(`${name} tells of it`, async () => {
        const told = (await kubectl(clusterOf(name), reasons)).split(" ");
        return told.includes("Applied") && told.includes("DriftRestored");
      });
    }
  });

  it("show their placements to kubectl", LONG, async () => {
    for (const name of NAMES)
      await until(`the placement in ${name} is shown`, async () => {
        const shown = await kubectl(clusterOf(name), ["get", "placements", "-n", "fairlead-system"]);
        return /^shop +\d+ +[0-9a-f]+ +healthy /m.test(shown);
      });
    expect(line.agents["fenced"]?.log()).not.toMatch(/cannot be watched|placements are not shown/);
  });

  it("change their key when they are asked to, and take a new charter", LONG, async () => {
    const path = (name: string) => `/v1/projects/default/clusters/${name}`;
    for (const name of NAMES) expect((await line.post(`${path(name)}/rotate`, {})).ok).toBe(true);
    for (const name of NAMES)
      await until(`${name} rotates`, async () => {
        const { rotatedAt } = await line.api(path(name), clusterViewSchema);
        return rotatedAt !== undefined;
      });
    await line.stopHub();
    await line.startHub({ newEpoch: true });
    for (const name of NAMES)
      await until(`${name} takes the charter`, async () =>
        line.agents[name]?.log().includes("of epoch 2 taken"),
      );
  });
});

describe("the agent of a namespace", () => {
  const asks = (wanted: boolean, all: readonly Ask[]) => ({ wanted: all.map(() => wanted), all });
  it(
    "may keep its own state, and all in its Apps' namespaces but to grant more than it has",
    LONG,
    async () => {
      const shop = { namespace: "shop" };
      const own = { namespace: "fairlead-system" };
      const { wanted, all } = asks(true, [
        { verb: "patch", resource: "deployments.apps", ...shop },
        { verb: "delete", resource: "secrets", ...shop },
        { verb: "patch", resource: "roles.rbac.authorization.k8s.io", ...shop },
        { verb: "get", resource: "secrets", ...own },
        { verb: "patch", resource: "configmaps", ...own },
        { verb: "create", resource: "events", ...own },
        { verb: "patch", resource: "events", ...own },
        { verb: "update", resource: "leases.coordination.k8s.io", name: "fairlead-agent", ...own },
        { verb: "list", resource: "placements.fairlead.dev", ...own },
        { verb: "patch", resource: "placements.fairlead.dev/status", ...own },
      ]);
      expect(await may(clusterOf("fenced"), all)).toEqual(wanted);
    },
  );

  it("may nothing anywhere else, and cannot widen what it may", LONG, async () => {
    const { wanted, all } = asks(false, [
      { verb: "get", resource: "secrets", namespace: "default" },
      { verb: "list", resource: "secrets", namespace: "kube-system" },
      { verb: "list", resource: "secrets" },
      { verb: "list", resource: "configmaps" },
      { verb: "list", resource: "placements.fairlead.dev" },
      { verb: "patch", resource: "customresourcedefinitions.apiextensions.k8s.io" },
      { verb: "list", resource: "secrets", namespace: "fairlead-system" },
      { verb: "patch", resource: "deployments.apps", namespace: "fairlead-system" },
      { verb: "create", resource: "pods", namespace: "fairlead-system" },
      { verb: "list", resource: "events", namespace: "fairlead-system" },
      { verb: "delete", resource: "events", namespace: "fairlead-system" },
      { verb: "create", resource: "events", namespace: "default" },
      { verb: "create", resource: "namespaces" },
      { verb: "delete", resource: "namespaces", namespace: "fairlead-system", name: "fairlead-system" },
      { verb: "update", resource: "leases.coordination.k8s.io", namespace: "fairlead-system", name: "other" },
      ...["escalate", "bind"].flatMap((verb) => [
        { verb, resource: "roles.rbac.authorization.k8s.io", namespace: "shop" },
        { verb, resource: "clusterroles.rbac.authorization.k8s.io" },
      ]),
      { verb: "create", resource: "clusterrolebindings.rbac.authorization.k8s.io" },
      { verb: "patch", resource: "roles.rbac.authorization.k8s.io", namespace: "fairlead-system" },
      { verb: "impersonate", resource: "serviceaccounts", namespace: "shop" },
      { verb: "impersonate", resource: "users" },
    ]);
    expect(await may(clusterOf("fenced"), all)).toEqual(wanted);
  });
});
