/** An API server that is stopped for seconds, or has enough of us; `outage.long.ts` stops it for a minute. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createKubeApi } from "../../agent/kube/api.ts";
import { runAgent } from "../../agent/loop.ts";
import { startRig, type Rig } from "../support/agent-rig.ts";
import { openDoor, type Fate } from "../support/api-door.ts";
import { wipe } from "../support/kill-end.ts";
import { expectHarmless } from "../support/outage.ts";
import { SERVER_WAIT } from "../support/server-agent.ts";
import { configMap, phase, startAgent } from "../support/test-agent.ts";

const AWAY_MS = 4_000;
const RETRY_AFTER_MS = 1_000;
let rig: Rig;

beforeAll(async () => {
  rig = await startRig("outage", { kept: true });
}, 1_800_000);
afterAll(() => rig?.stop());

describe(`${runAgent.name}, its API server away`, () => {
  it("survives it under load, tells nothing false, backs off, and heals what it finds after it", async () => {
    await expectHarmless(rig, AWAY_MS);
  });

  it.each([
    ["key", "/secrets/fairlead-agent"],
    ["state", "/configmaps/fairlead-apps"],
    ["object", "/namespaces/throttled/"],
  ])("asks no sooner again than a server wants that has enough, for its %s", async (app, path) => {
    await wipe(rig);
    rig.hub.statements.clear();
    const refused = new Map<string, number[]>();
    let enough = true;
    const fate = (_: number, line: string): Fate => {
      if (!enough || !line.startsWith("PATCH") || !line.includes(path)) return "open";
      refused.set(line, [...(refused.get(line) ?? []), performance.now()]);
      return "throttled";
    };
    const { hub } = rig;
    const door = await openDoor(() => rig.cluster, { fate });
    const authorization = async (): Promise<string> => `Bearer ${rig.cluster.token}`;
    const kube = createKubeApi({ server: door.url, ca: rig.ca, authorization });
    const agent = startAgent(hub, kube, { token: hub.token() });
    try {
      await hub.assign(app, [configMap(`of-${app}`)], { namespace: "throttled" });
      const asked = (): number => Math.max(0, ...[...refused.values()].map((times) => times.length));
      await vi.waitFor(() => expect(asked()).toBeGreaterThan(2), SERVER_WAIT);
      expect(hub.latest.get(app)?.phase).not.toBe("failed");
      enough = false;
      await phase(hub, app, "healthy");
    } finally {
      await agent.stop();
      await kube.close();
      door.close();
    }
    const waits = [...refused.values()].flatMap((times) =>
      times.slice(1).map((at, index) => at - (times[index] ?? 0)),
    );
    expect(Math.min(...waits)).toBeGreaterThan(RETRY_AFTER_MS * 0.95);
  });
});
