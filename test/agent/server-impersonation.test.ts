/** An App with a service account of its own, on a real API server: what that may not, the agent does not do for it. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { impersonating } from "../../agent/kube/impersonate.ts";
import { SERVER_WAIT, startServer, type Server } from "../support/server-agent.ts";
import { configMap } from "../support/test-agent.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer("impersonation", { options: { retryEveryMs: 200 } });
}, 1_800_000);
afterAll(() => server?.stop());

const RBAC = "rbac.authorization.k8s.io";
const LONG = 120_000;
const clusterRole = (name: string): KubeObject => ({
  apiVersion: `${RBAC}/v1`,
  kind: "ClusterRole",
  metadata: { name },
  rules: [],
});
const eventually = (look: () => Promise<unknown>, wanted: unknown) =>
  vi.waitFor(async () => expect(await look()).toEqual(wanted), SERVER_WAIT);
/** Waits for the newest report to say this. */
const told = (app: string, phase: string, message: RegExp) =>
  vi.waitFor(() => {
    expect(server.hub.latest.get(app)).toMatchObject({ phase, message: expect.stringMatching(message) });
  }, SERVER_WAIT);
const dataOf = async (namespace: string, name: string) =>
  (await server.get(namespace, "configmap", name))?.["data"];

/** A namespace with an account that may do all to ConfigMaps there, and nothing else. */
async function fence() {
  const namespace = await server.cluster.namespace("fence");
  await server.kubectl(namespace, ["create", "serviceaccount", "deployer"]);
  const verbs = "--verb=get,create,patch,delete";
  await server.kubectl(namespace, ["create", "role", "deployer", verbs, "--resource=configmaps"]);
  const bind = () =>
    server.kubectl(namespace, [
      "create",
      "rolebinding",
      "deployer",
      "--role=deployer",
      `--serviceaccount=${namespace}:deployer`,
    ]);
  await bind();
  return { namespace, bind, unbind: () => server.kubectl(namespace, ["delete", "rolebinding", "deployer"]) };
}

const AS = { sync: { serviceAccount: "deployer" } };

describe(impersonating.name, () => {
  it(
    "keeps an App to its account's rights, and says whose they were; another App keeps the agent's",
    async () => {
      const { namespace } = await fence();
      const objects = [configMap("a"), clusterRole(`${namespace}-wide`)];
      await server.hub.assign("fenced", objects, { namespace, ...AS });
      await told(
        "fenced",
        "failed",
        new RegExp(`^ClusterRole .* Forbidden: as service account ${namespace}/deployer:`),
      );
      expect(await server.get("", "clusterrole", `${namespace}-wide`)).toBeUndefined();
      const free = await server.hub.assign("free", [clusterRole(`${namespace}-free`)], { namespace });
      await server.until("free", "healthy", free.generation);
      const { generation } = await server.hub.assign("fenced", [configMap("a")], { namespace, ...AS });
      await server.until("fenced", "healthy", generation);
      expect(await dataOf(namespace, "a")).toEqual({ key: "value" });
    },
    LONG,
  );

  it(
    "restores drift, prunes and removes with the account's rights alone",
    async () => {
      const { namespace, bind, unbind } = await fence();
      const as = { sync: { serviceAccount: `${namespace}/deployer` } };
      const first = await server.hub.assign("healed", [configMap("a"), configMap("b")], { namespace, ...as });
      await server.until("healed", "healthy", first.generation);
      const edit = (value: string) =>
        server.kubectl(namespace, [
          "patch",
          "configmap",
          "a",
          "-p",
          JSON.stringify({ data: { key: value } }),
        ]);
      await edit("by hand");
      await eventually(() => dataOf(namespace, "a"), { key: "value" });

      await unbind();
      await edit("again");
      await told("healed", "failed", new RegExp(`as service account ${namespace}/deployer:`));
      expect(await dataOf(namespace, "a")).toEqual({ key: "again" });
      await bind();
      await eventually(() => dataOf(namespace, "a"), { key: "value" });

      const second = await server.hub.assign("healed", [configMap("a")], { namespace, ...as });
      await server.until("healed", "healthy", second.generation);
      expect(await dataOf(namespace, "b")).toBeUndefined();
      await unbind();
      await server.hub.remove("healed", "delete", { serviceAccount: `${namespace}/deployer` });
      await told("healed", "failed", /as service account/);
      expect(await dataOf(namespace, "a")).toEqual({ key: "value" });
      await bind();
      await eventually(() => dataOf(namespace, "a"), undefined);
    },
    LONG,
  );
});
