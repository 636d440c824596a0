/** An object moves between two Apps on a real API server: its life there is one. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { runAgent } from "../../agent/loop.ts";
import { SERVER_WAIT, startServer, type Server } from "../support/server-agent.ts";
import { configMap, deployment } from "../support/test-agent.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer("moving");
}, 1_800_000);
afterAll(() => server?.stop());

it(`${runAgent.name} hands an object on: same UID, the new App's fields, mark and inventory, the old one removed`, async () => {
  const { hub, kube } = server;
  const namespace = await server.cluster.namespace("move");
  const first = await hub.assign("old", [configMap("settings", { a: "1", b: "2" }), deployment("web")], {
    namespace,
  });
  await vi.waitFor(() => expect(hub.latest.get("old")?.generation).toBe(first.generation), SERVER_WAIT);
  const live = (kind: string, name: string) => server.get(namespace, kind, name);
  const uids = async () => [
    (await live("configmap", "settings"))?.metadata["uid"],
    (await live("deployment", "web"))?.metadata["uid"],
  ];
  await vi.waitFor(async () => expect(await uids()).not.toContain(undefined), SERVER_WAIT);
  const before = await uids();
  hub.away = true;
  await hub.remove("old", "delete");
  const next = await hub.assign("new", [configMap("settings", { a: "1" }), deployment("web", "web:2")], {
    namespace,
  });
  hub.away = false;
  await vi.waitFor(() => expect(hub.latest.get("old")?.phase).toBe("removed"), SERVER_WAIT);
  await vi.waitFor(async () => {
    const settings = await live("configmap", "settings");
    expect(settings?.metadata.labels?.["fairlead.dev/app"]).toBe("web.new");
    expect(settings?.["data"]).toEqual({ a: "1" });
    expect(settings?.metadata["managedFields"]).toMatchObject([{ manager: "fairlead", operation: "Apply" }]);
    const web = await live("deployment", "web");
    expect(web?.metadata.annotations?.["fairlead.dev/owner"]).toMatch(/\/web\/new$/);
    expect(JSON.stringify(web?.["spec"])).toContain("web:2");
  }, SERVER_WAIT);
  expect(await uids()).toEqual(before);
  await vi.waitFor(() => expect(hub.latest.get("new")?.generation).toBe(next.generation), SERVER_WAIT);
  await vi.waitFor(async () => {
    const held = await server.get("fairlead-system", "configmap", "fairlead-inventory-new");
    for (const uid of before) expect(JSON.stringify(held?.["data"])).toContain(uid);
    expect(await server.get("fairlead-system", "configmap", "fairlead-inventory-old")).toBeUndefined();
  }, SERVER_WAIT);
  expect(kube.writes.filter((write) => /^delete (ConfigMap settings|Deployment)/.test(write))).toEqual([]);
});
