/** A hundred manifests as people write them: delivered once, and after that a quiet cluster. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runAgent } from "../../agent/loop.ts";
import { hundredManifests } from "../support/hundred.ts";
import { SERVER_WAIT, startServer, type Server } from "../support/server-agent.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer("hundred");
}, 1_800_000);
afterAll(() => server?.stop());

const written = (from: number): string[] =>
  server.kube.writes.slice(from).filter((write) => !write.includes(" fairlead-"));

describe(`${runAgent.name}, a hundred manifests on a server`, () => {
  it("writes each once; a second delivery and the drift passes write nothing and tell no drift", async () => {
    const { hub, kube } = server;
    const namespace = await server.cluster.namespace("hundred");
    const objects = hundredManifests(namespace);
    expect(objects.length).toBeGreaterThan(100);
    await hub.assign("shop", objects, { namespace });
    const told = () => hub.latest.get("shop");
    await vi.waitFor(() => expect(told()?.outcomes).toEqual({ created: objects.length }), SERVER_WAIT);
    const before = kube.writes.length;
    const { generation } = await hub.assign("shop", objects, { namespace });
    await vi.waitFor(() => {
      expect(told()?.generation).toBe(generation);
      expect(told()?.outcomes).toEqual({ unchanged: objects.length });
    }, SERVER_WAIT);
    const uid = (await server.get(namespace, "configmap", "cart"))?.metadata["uid"];
    await server.kubectl(namespace, ["patch", "configmap", "cart", "-p", '{"data":{"empty":"by hand"}}']);
    await vi.waitFor(() => expect(told()?.driftTotal).toBe(1), SERVER_WAIT);
    await server.kubectl(namespace, ["delete", "configmap", "cart"]);
    const back = async () => (await server.get(namespace, "configmap", "cart"))?.metadata["uid"];
    await vi.waitFor(async () => expect([undefined, uid]).not.toContain(await back()), SERVER_WAIT);
    // Two whole passes lie behind it: nothing but what was done by hand was ever written.
    expect(written(before)).toEqual(["apply ConfigMap cart", "apply ConfigMap cart"]);
    expect(told()?.drift.map((one) => one.object)).toEqual([`ConfigMap ${namespace}/cart`]);
  });
});
