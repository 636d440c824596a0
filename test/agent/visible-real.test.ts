/** What people see with `kubectl` on a real API server: placements, their holds, and a pod's reason. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { PLACEMENT_DEFINITION, placementObject } from "#core/shown-placement.ts";
import { AGENT_OPTIONS } from "../../agent/deps.ts";
import { removedContent } from "../../agent/placement.ts";
import { PodReasons } from "../../agent/pods.ts";
import { Stopper } from "../../agent/stop.ts";
import { sleep } from "../../agent/timer.ts";
import { PlacementShow } from "../../agent/visible.ts";
import { SERVER_WAIT, startServer, type Server } from "../support/server-agent.ts";
import { configMap, deployment } from "../support/test-agent.ts";

let server: Server;
beforeAll(async () => {
  server = await startServer("visible", {
    options: { placements: true, placementsEveryMs: 50, holdEveryMs: 200 },
  });
}, 1_800_000);
afterAll(() => server?.stop());

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const SHORT = "0123456789ab";
const SYSTEM = "fairlead-system";
const row = async (app: string): Promise<string> =>
  (await server.kubectl(SYSTEM, ["get", "placements"])).split("\n").find((line) => line.startsWith(app)) ??
  "";

describe(`${PlacementShow.name}, on a server`, () => {
  it("is a line of kubectl for each App, which no edit and no look writes again", async () => {
    const namespace = await server.cluster.namespace("visible");
    const { generation } = await server.hub.assign("shop", [configMap("a")], {
      namespace,
      commit: COMMIT,
    });
    await server.until("shop", "healthy", generation);
    await vi.waitFor(
      async () => expect(await row("shop")).toContain("all 1 objects are current"),
      SERVER_WAIT,
    );
    const [head = ""] = (await server.kubectl(SYSTEM, ["get", "placements"])).split("\n");
    const columns = ["NAME", "RELEASE", "COMMIT", "PHASE", "DRIFT", "OBJECTS", "AGE", "MESSAGE"];
    expect(head.split(/ +/)).toEqual(columns);
    expect((await row("shop")).split(/ +/).slice(0, 6)).toEqual(["shop", "1", SHORT, "healthy", "0", "1"]);

    await server.kubectl(SYSTEM, ["annotate", "placement/shop", "fairlead.dev/hold=2h payday"]);
    const held = () => server.hub.holds.at(-1)?.apps["shop"];
    await vi.waitFor(() => expect(held()?.reason).toBe("payday"), SERVER_WAIT);
    const written = await server.get(SYSTEM, "placement", "shop");
    const fields = written?.metadata["managedFields"] as { manager: string; time: string }[];
    const at = fields.find(({ manager }) => manager === "kubectl-annotate")?.time ?? "";
    expect(held()?.until).toBe(Date.parse(at) + 2 * 3_600_000);

    await vi.waitFor(
      async () =>
        expect(await server.kubectl(SYSTEM, ["describe", "placement/shop"])).toMatch(
          /Normal +Applied +\S+ +fairlead-agent +release 1, commit 0123456789ab: 1 created/,
        ),
      SERVER_WAIT,
    );
    await vi.waitFor(
      async () =>
        expect(await server.kubectl(SYSTEM, ["get", "events"])).toMatch(
          /Normal +Held +placement\/shop +held until .* UTC: payday/,
        ),
      SERVER_WAIT,
    );

    const other = await server.hub.assign("other", [configMap("b")], { namespace });
    await server.until("other", "healthy", other.generation);
    const now = await server.get(SYSTEM, "placement", "shop");
    expect(now?.metadata["resourceVersion"]).toBe(written?.metadata["resourceVersion"]);
    await server.hub.remove("shop", "delete");
    await vi.waitFor(async () => expect(await row("shop")).toBe(""), SERVER_WAIT);
  }, 120_000);

  it("takes over a definition from before, and what stands under it", async () => {
    const { definition, revisionAnnotation } = PLACEMENT_DEFINITION;
    const text = JSON.stringify({
      ...definition,
      metadata: { ...definition.metadata, annotations: { [revisionAnnotation]: "1" } },
    });
    const old: unknown = JSON.parse(
      text.replace('"commit":{', '"unused":{').replace(/{"name":"Commit".*?},/, ""),
    );
    const over = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    await server.kubectl(SYSTEM, over, old);
    expect((await server.kubectl(SYSTEM, ["get", "placements"])).split("\n")[0]).not.toContain("COMMIT");
    const { namespace, stopper } = { namespace: "before", stopper: new Stopper() };
    const content = removedContent(namespace, { epoch: 1, generation: 1, release: 1 });
    const shown = { app: namespace, content: { ...content, phase: "healthy" as const }, commit: COMMIT };
    await server.api.apply(placementObject(namespace), { dryRun: false, force: true });
    const uid = (await server.get(SYSTEM, "placement", namespace))?.metadata["uid"];
    const options = { ...AGENT_OPTIONS, placements: true };
    const deps = { kube: server.api, clock: () => 0, log: () => {}, random: () => 0, sleep, options };
    const running = new PlacementShow(deps, stopper, () => [shown]).run();
    await vi.waitFor(async () => expect(await row(namespace)).toContain(SHORT), SERVER_WAIT);
    expect((await server.get(SYSTEM, "placement", namespace))?.metadata["uid"]).toBe(uid);
    stopper.stop();
    await running;
  }, 120_000);

  it("tells what the kubelet says of an image", async () => {
    const namespace = await server.cluster.namespace("visible");
    const web = deployment("web", "nowhere.test/web:1", 1);
    const { generation } = await server.hub.assign("pulling", [web], { namespace });
    await server.until("pulling", "healthy", generation);
    const message = 'Back-off pulling image "nowhere.test/web:1"';
    const status = {
      containerStatuses: [
        {
          name: "web",
          image: "nowhere.test/web:1",
          imageID: "",
          ready: false,
          restartCount: 0,
          state: { waiting: { reason: "ImagePullBackOff", message } },
        },
      ],
    };
    const metadata = { name: "web-1", labels: { app: "web" } };
    const spec = { nodeName: "none", containers: [{ name: "web", image: "nowhere.test/web:1" }] };
    await server.kubectl(namespace, ["create", "-f", "-"], { apiVersion: "v1", kind: "Pod", metadata, spec });
    const patch = [
      "patch",
      "pod",
      "web-1",
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify({ status }),
    ];
    await server.kubectl(namespace, patch);
    const options = { ...AGENT_OPTIONS, podsEveryMs: 0 };
    const reasons = new PodReasons({ kube: server.api, clock: () => 0, log: () => {}, options });
    const live = (await server.get(namespace, "deployment", "web")) as KubeObject;
    const verdict = { status: "progressing", sentence: "0 of 1 replica available" } as const;
    const told = await reasons.explain(live, verdict, async () => []);
    expect(told.sentence).toBe(
      "0 of 1 replica available; pod web-1: container web: image nowhere.test/web:1 cannot be pulled: " +
        'ImagePullBackOff: Back-off pulling image "nowhere.test/web:1"',
    );
  }, 120_000);
});
