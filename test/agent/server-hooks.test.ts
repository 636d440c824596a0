/** Hooks on a real API server: Jobs that really run, are really replaced, and whose names are really free again. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { runAgent } from "../../agent/loop.ts";
import { SERVER_WAIT, startServer, type Server } from "../support/server-agent.ts";
import { configMap } from "../support/test-agent.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer("hooks");
}, 1_800_000);
afterAll(() => server?.stop());

const job = (name: string, annotations: Record<string, string>, spec: object = {}): KubeObject => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name, annotations },
  spec: {
    backoffLimit: 0,
    template: { spec: { restartPolicy: "Never", containers: [{ name, image: "job:1" }] } },
    ...spec,
  },
});
const argo = (name: string, hook: string, more: Record<string, string> = {}, spec: object = {}) =>
  job(name, { "argocd.argoproj.io/hook": hook, ...more }, spec);
const jobs = async (namespace: string): Promise<string[]> =>
  (await server.kubectl(namespace, ["get", "jobs", "-o", "name"])).split("\n").filter((line) => line !== "");

describe(`${runAgent.name}, hooks on a server`, () => {
  it("run to their end, once for each generation, and go by their policies", async () => {
    const { hub, kube } = server;
    const namespace = await server.cluster.namespace("hooks");
    const objects = [
      configMap("settings"),
      argo("migrate", "PreSync"),
      job("seed", { "helm.sh/hook": "post-install", "helm.sh/hook-delete-policy": "hook-succeeded" }),
      job("check", { "helm.sh/hook": "post-upgrade" }),
      job("farewell", { "helm.sh/hook": "pre-delete" }),
    ];
    const first = await hub.assign("once", objects, { namespace });
    await server.until("once", "healthy", first.generation);
    expect(await jobs(namespace)).toEqual(["job.batch/migrate"]);
    const uid = (await server.get(namespace, "job", "migrate"))?.metadata["uid"];
    const quiet = kube.writes.length;
    await server.kubectl(namespace, ["delete", "job", "migrate"]);
    await server.kubectl(namespace, ["delete", "configmap", "settings"]);
    const since = () => kube.writes.slice(quiet).filter((write) => !write.includes(" fairlead-"));
    await vi.waitFor(() => expect(since()).toEqual(["apply ConfigMap settings"]), SERVER_WAIT);
    expect(await jobs(namespace)).toEqual([]);

    const second = await hub.assign("once", [...objects, configMap("more")], { namespace });
    await server.until("once", "healthy", second.generation);
    expect(await jobs(namespace)).toEqual(["job.batch/check", "job.batch/migrate"]);
    const next = (await server.get(namespace, "job", "migrate"))?.metadata["uid"];
    expect(next).toEqual(expect.any(String));
    expect(next).not.toBe(uid);
    const third = await hub.assign("once", objects, { namespace });
    await server.until("once", "healthy", third.generation);
    expect((await server.get(namespace, "job", "migrate"))?.metadata["uid"]).not.toBe(next);

    await hub.remove("once", "delete");
    await server.until("once", "removed", third.generation + 1);
    expect(await jobs(namespace)).toEqual([]);
    expect(kube.writes).toContain("apply Job farewell");
  });

  it("that do not end in time fail the generation, and the next one goes on", async () => {
    const { hub } = server;
    const namespace = await server.cluster.namespace("hooks");
    const stuck = argo("stuck", "PreSync", { "fairlead.dev/hook-timeout": "2s" }, { suspend: true });
    const { generation } = await hub.assign("late", [configMap("settings"), stuck], { namespace });
    await server.until("late", "failed", generation);
    expect(hub.latest.get("late")?.message).toContain("Job ");
    expect(hub.latest.get("late")?.message).toContain("did not end within 2 s");
    expect(await server.get(namespace, "configmap", "settings")).toBeUndefined();
    const next = await hub.assign("late", [configMap("settings")], { namespace });
    await server.until("late", "healthy", next.generation);
    expect(await jobs(namespace)).toEqual([]);
  });
});
