/** CEL on a real API server: health of a kind that nobody knows, in this process and in the built agent. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { AGENT_ENV, AGENT_NODE_ARGS } from "../../agent/build.ts";
import { runAgent } from "../../agent/loop.ts";
import { startContainer } from "../support/agent-process.ts";
import { startRig } from "../support/agent-rig.ts";
import { SERVER_WAIT, startServer, type Server } from "../support/server-agent.ts";
import { configMap, phase } from "../support/test-agent.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer("checks");
}, 1_800_000);
afterAll(() => server?.stop());

const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "boats.example.com" },
  spec: {
    group: "example.com",
    names: { kind: "Boat", plural: "boats" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
        },
      },
    ],
  },
};
const boat = { apiVersion: "example.com/v1", kind: "Boat", metadata: { name: "b" }, spec: { sails: 3 } };
const health = [
  {
    apiVersion: "example.com/v1",
    kind: "Boat",
    inProgress: "status.observedGeneration != metadata.generation",
    failed: 'status.phase == "Sunk"',
    current: "status.set == spec.sails",
    message: 'string(status.set) + " of " + string(spec.sails) + " sails are set"',
  },
];

describe(`${runAgent.name}, rules of health on a server`, () => {
  it("tell a custom kind's health by its status", async () => {
    const { hub } = server;
    const namespace = await server.cluster.namespace("boats");
    const { generation } = await hub.assign("boats", [definition, boat], { namespace, sync: { health } });
    const says = (status: string, message: string) =>
      vi.waitFor(
        () => expect(hub.latest.get("boats")).toMatchObject({ phase: status, message, generation }),
        SERVER_WAIT,
      );
    const place = `Boat ${namespace}/b:`;
    await says(
      "progressing",
      `${place} its rule of health (inProgress) cannot be evaluated: No such key: observedGeneration`,
    );
    const sail = (status: object) =>
      server.kubectl(namespace, [
        "patch",
        "boat",
        "b",
        "--subresource=status",
        "--type=merge",
        "-p",
        JSON.stringify({ status }),
      ]);
    await sail({ observedGeneration: 1, set: 2, phase: "Sailing" });
    await says("progressing", `${place} 2 of 3 sails are set`);
    await sail({ phase: "Sunk" });
    await says("failed", `${place} 2 of 3 sails are set`);
    await sail({ phase: "Sailing", set: 3 });
    await says("healthy", "all 2 objects are current");
  });
});

describe(`${runAgent.name}, checks of gates on a server`, () => {
  it("follow a Job that the App brings, and an object that it does not", async () => {
    const { hub } = server;
    const namespace = await server.cluster.namespace("checks");
    const job = (name: string, spec: object = {}) => ({
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name },
      spec: {
        backoffLimit: 0,
        template: { spec: { restartPolicy: "Never", containers: [{ name, image: "job:1" }] } },
        ...spec,
      },
    });
    const of = (gate: string, rest: object) => ({ gate, namespace, ...rest });
    const checks = [
      of("smoke", { apiVersion: "batch/v1", kind: "Job", name: "smoke" }),
      of("late", { apiVersion: "batch/v1", kind: "Job", name: "late" }),
      of("ready", { apiVersion: "v1", kind: "ConfigMap", name: "ready", pass: 'data.ready == "yes"' }),
    ];
    const objects = [job("smoke"), configMap("settings")];
    const { generation } = await hub.assign("checked", objects, { namespace, sync: { checks } });
    await server.until("checked", "healthy", generation);
    await server.kubectl(namespace, ["create", "configmap", "ready", "--from-literal=ready=yes"]);
    await server.kubectl(
      namespace,
      ["create", "-f", "-"],
      job("late", { suspend: true, activeDeadlineSeconds: 1 }),
    );
    const verdicts = (...wanted: string[]) =>
      vi.waitFor(() => {
        const { checks: told = [], generation: at } = hub.latest.get("checked") ?? {};
        expect(at).toBe(generation);
        expect(told.map(({ gate, verdict }) => `${gate} ${verdict}`)).toEqual(wanted);
      }, SERVER_WAIT);
    await verdicts("smoke pass", "late wait", "ready pass");
    await server.kubectl(namespace, ["patch", "configmap", "ready", "-p", '{"data":{"ready":"no"}}']);
    await verdicts("smoke pass", "late wait", "ready wait");
    expect(hub.latest.get("checked")?.phase).toBe("healthy");
  });
});

describe("the built agent with its flags", () => {
  it("evaluates rules, and survives one that takes all it can", { timeout: 300_000 }, async () => {
    const rig = await startRig("checks-pod");
    const url = new URL(rig.url);
    const pod = await startContainer(AGENT_NODE_ARGS, ["--service-account", rig.serviceAccount], {
      ...AGENT_ENV,
      PATH: process.env["PATH"],
      FAIRLEAD_TOKEN: rig.hub.token(),
      KUBERNETES_SERVICE_HOST: url.hostname,
      KUBERNETES_SERVICE_PORT: url.port,
    });
    try {
      const of = (current: string) => [
        { apiVersion: "v1", kind: "ConfigMap", current, message: "data.words" },
      ];
      const large = configMap("large", { words: "a".repeat(200_000) });
      const sums = Array(10).fill("data.words").join(" + ");
      const hostile = `data.words.matches("(a+)+b") || (${sums}).upperAscii() == "b"`;
      await rig.hub.assign("hostile", [large], { sync: { health: of(hostile) } });
      await rig.hub.assign("settings", [configMap("settings", { words: "not yet" })], {
        sync: { health: of('data.words == "now"') },
      });
      await phase(rig.hub, "settings", "progressing");
      expect(rig.hub.latest.get("settings")?.message).toBe("ConfigMap shop/settings: not yet");
      await vi.waitFor(
        () => expect(rig.hub.latest.get("hostile")?.message).toContain("it took longer than 500 ms"),
        SERVER_WAIT,
      );
      await rig.hub.assign("settings", [configMap("settings", { words: "now" })], {
        sync: { health: of('data.words == "now"') },
      });
      await phase(rig.hub, "settings", "healthy");
      expect(rig.hub.latest.get("hostile")?.phase).toBe("progressing");
      expect(rig.hub.runs.size).toBe(1);
    } finally {
      await pod.kill("SIGKILL");
      await rig.stop();
    }
  });
});
