/**
 * The agent as its chart runs it in the mode `impersonate`, against a real hub: each App has the rights of its service
 * account, and the agent none beside its own state.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { install, kubectl, may, rendered, startPod } from "../support/agent-pod.ts";
import type { Cluster } from "../support/kubernetes/cluster.ts";
import { applyApp, live, placementOf, rolloutOf, startLine, type Line } from "../support/line.ts";
import { BASE, configMap, kustomization, shopFiles } from "../support/shop.ts";
import { until } from "../support/wait.ts";

const LONG_MS = 600_000;
const LONG = { timeout: LONG_MS };
const NAME = "acting";
const VALUES = { rbac: { mode: "impersonate", serviceAccounts: ["shop/deployer"] }, driftEvery: "1s" };
const AS_DEPLOYER = { sync: { serviceAccount: "deployer" } };

let line: Line;
beforeAll(async () => {
  line = await startLine([NAME], { start: installed });
}, 1_800_000);
afterAll(() => line?.stop(), LONG_MS);

const acting = (): Cluster => line.clusters[NAME] ?? expect.unreachable("no cluster");

/** The account may write what the shop is made of, and no more. */
async function installed(cluster: Cluster, token: string) {
  await kubectl(cluster, ["create", "namespace", "shop"]);
  const shop = (...args: string[]) => kubectl(cluster, ["create", "-n", "shop", ...args]);
  await shop("serviceaccount", "deployer");
  const resources = "--resource=configmaps,services,deployments.apps";
  await shop("role", "deployer", "--verb=get,create,patch,delete", resources);
  await shop("rolebinding", "deployer", "--role=deployer", "--serviceaccount=shop:deployer");
  const text = await rendered({ ...VALUES, token: { value: token } });
  await install(cluster, text);
  const agent = await startPod(cluster, text);
  await until("the agent is registered", async () => agent.log().includes("registered as"));
  return agent;
}

const arrives = (commit: string) =>
  until(`the release of ${commit}`, () => rolloutOf(line, commit), LONG_MS / 2);
const greeting = async (): Promise<unknown> => {
  const found = (await live(line, NAME, "configmap", "settings")) as
    | { data?: { greeting: string } }
    | undefined;
  return found?.data?.greeting;
};

describe("the agent in the mode impersonate", () => {
  it("delivers and restores drift with the rights of the App's account", LONG, async () => {
    const commit = await line.tree.push(shopFiles([NAME]), "Start the shop");
    await applyApp(line, AS_DEPLOYER);
    await arrives(commit);
    expect((await placementOf(line, NAME)).observed?.phase).toBe("healthy");
    const patch = '--patch={"data":{"greeting":"by hand"}}';
    await kubectl(acting(), ["patch", "configmap", "settings", "-n", "shop", patch]);
    await until("drift is restored", async () => (await greeting()) === "hello");
  });

  it("does for nobody what the account may not, and goes on when that is taken out", LONG, async () => {
    const role =
      "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: wide }\nrules: []\n";
    const kept = ["web.yaml", "service.yaml", "settings.yaml"];
    await line.tree.push(
      { [`${BASE}/role.yaml`]: role, [`${BASE}/kustomization.yaml`]: kustomization(...kept, "role.yaml") },
      "Reach for more",
    );
    await until("the placement names the account", async () => {
      const { observed } = await placementOf(line, NAME);
      const message = observed?.message ?? "";
      return observed?.phase === "failed" && message.includes("as service account shop/deployer");
    });
    const found = await kubectl(acting(), ["get", "clusterrole", "wide", "--ignore-not-found"]);
    expect(found).toBe("");
    const commit = await line.tree.push(
      {
        [`${BASE}/settings.yaml`]: configMap("settings", "bye"),
        [`${BASE}/role.yaml`]: undefined,
        [`${BASE}/kustomization.yaml`]: kustomization(...kept),
      },
      "Ask for no more",
    );
    await arrives(commit);
    expect(await greeting()).toBe("bye");
  });

  it("has no rights but to act as the accounts that were named, and to keep its state", LONG, async () => {
    const shop = { namespace: "shop" };
    const own = { namespace: "fairlead-system" };
    const allowed = await may(acting(), [
      { verb: "impersonate", resource: "serviceaccounts", name: "deployer", ...shop },
      { verb: "patch", resource: "configmaps", ...own },
      { verb: "patch", resource: "events", ...own },
    ]);
    expect(allowed).toEqual(allowed.map(() => true));
    const refused = await may(acting(), [
      { verb: "impersonate", resource: "serviceaccounts", name: "default", ...shop },
      { verb: "impersonate", resource: "serviceaccounts", name: "deployer", namespace: "default" },
      { verb: "impersonate", resource: "serviceaccounts" },
      { verb: "impersonate", resource: "users" },
      { verb: "impersonate", resource: "groups" },
      { verb: "get", resource: "configmaps", ...shop },
      { verb: "patch", resource: "configmaps", ...shop },
      { verb: "get", resource: "secrets", ...shop },
      { verb: "list", resource: "configmaps" },
      { verb: "create", resource: "namespaces" },
      { verb: "create", resource: "clusterroles.rbac.authorization.k8s.io" },
    ]);
    expect(refused).toEqual(refused.map(() => false));
  });
});
