/**
 * A staged rollout on real clusters, as one story in order: a second person approves, a canary that fails its health goes
 * back and pins the App, the fix rolls through, and the way back needs no source.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apiTokenAnswerSchema } from "#core/account.ts";
import type { Rollout } from "#core/rollout.ts";
import { clusterViewSchema } from "#core/view.ts";
import { appOf, applyApp, live, placementOf, rolloutOf, startLine, type Line } from "../support/line.ts";
import { BASE, shopFiles } from "../support/shop.ts";
import { until } from "../support/wait.ts";

const LONG_MS = 240_000;
/** The agent reads a hold once a minute, up to a fifth later. */
const HOLD_LOOK_MS = 100_000;
const CLUSTERS = ["canary", "prod"];
const SERVICE = `${BASE}/service.yaml`;
let line: Line;
let start: string;
let approver: string;

const stage = (name: string, more: object = {}) => ({
  name,
  clusters: { matchLabels: { env: name } },
  ...more,
});
const ROLLOUT = {
  stages: [stage("canary", { soak: "1s" }), stage("prod", { approval: "before" })],
  onFailure: "rollback",
  progressDeadline: "15s",
};
/** No load balancer is there to answer: the Service never gets an address, so it never is healthy. */
const service = (type: string, port: number): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec:\n  type: ${type}\n  selector: { app: web }\n  ports: [ { port: ${port} } ]\n`;

beforeAll(async () => {
  line = await startLine(CLUSTERS);
  start = await line.tree.push(
    { ...shopFiles(CLUSTERS), [SERVICE]: service("ClusterIP", 80) },
    "Start the shop",
  );
  await applyApp(line, { rollout: ROLLOUT });
  const made = await line.post("/v1/projects/default/tokens", { name: "eve", role: "approver" });
  approver = apiTokenAnswerSchema.parse(await made.json()).token;
}, 1_800_000);
afterAll(() => line?.stop());

async function tell(release: number, command: string, token: string = line.hub.apiToken): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const path = `/v1/projects/default/apps/shop/rollouts/${release}/${command}`;
  return fetch(`${line.hub.url}${path}`, { method: "POST", headers, body: `{"reason":"tested"}` });
}

async function approved(commit: string): Promise<Rollout> {
  const waiting = await until("it waits for the approval", async () => {
    const rollout = await rolloutOf(line, commit, "running");
    return rollout.state.kind === "running" && rollout.state.step?.kind === "approval" ? rollout : undefined;
  });
  expect((await tell(waiting.release, "approve", approver)).status).toBe(200);
  return rolloutOf(line, commit);
}

const portIn = async (cluster: string) => {
  const found = (await live(line, cluster, "service", "web")) as
    | { spec: { type: string; ports: { port: number }[] } }
    | undefined;
  return `${found?.spec.type} ${found?.spec.ports[0]?.port}`;
};

describe("a staged rollout", () => {
  it(
    "moves the canary, and the rest after a second person's yes: not that of who made the release",
    async () => {
      const waiting = await until("it waits for the approval", async () => {
        const rollout = await rolloutOf(line, start, "running");
        return rollout.state.kind === "running" && rollout.state.step?.kind === "approval"
          ? rollout
          : undefined;
      });
      expect(await live(line, "prod", "service", "web")).toBeUndefined();
      const own = await tell(waiting.release, "approve");
      expect(own.status).toBe(409);
      expect(await own.text()).toContain("somebody else has to approve it");
      expect((await tell(waiting.release, "approve", approver)).status).toBe(200);
      const done = await rolloutOf(line, start);
      expect(done.approvals).toMatchObject([{ stage: "prod", when: "before" }]);
      expect(await portIn("prod")).toBe("ClusterIP 80");
    },
    LONG_MS,
  );

  it(
    "goes back where the canary fails its health, and never reaches the rest",
    async () => {
      const bad = await line.tree.push({ [SERVICE]: service("LoadBalancer", 81) }, "Break the canary");
      const back = await rolloutOf(line, bad, "rolled-back");
      expect(back.state).toMatchObject({ reason: expect.stringMatching(/^canary: not healthy within 15 s/) });
      await until("the canary is as before", async () => (await portIn("canary")) === "ClusterIP 80");
      expect(await portIn("prod")).toBe("ClusterIP 80");
      const { assigned } = await placementOf(line, "prod");
      expect(assigned?.release).toBeLessThan(back.release);
    },
    LONG_MS,
  );

  it(
    "is not begun again by a commit that gives the same to what failed: the App is pinned",
    async () => {
      const next = await line.tree.push({ "README.md": "nothing that is deployed\n" }, "Write a word");
      const error = await until("the pin is told", async () => {
        const { error: found } = (await appOf(line)).state ?? {};
        return found?.commit === next ? found : undefined;
      });
      expect(error.message).toMatch(/^pinned: release \d+ went back/);
      expect(await portIn("canary")).toBe("ClusterIP 80");
    },
    LONG_MS,
  );

  it(
    "rolls the fix through",
    async () => {
      const fix = await line.tree.push({ [SERVICE]: service("ClusterIP", 82) }, "Mend the canary");
      await approved(fix);
      expect(await Promise.all(CLUSTERS.map(portIn))).toEqual(["ClusterIP 82", "ClusterIP 82"]);
    },
    LONG_MS,
  );

  it(
    "passes by a cluster whose own people say not now, which moves by itself once they lift it",
    async () => {
      const holdMap = ["configmap", "fairlead-hold", "--namespace", "fairlead-system"];
      const until1h = new Date(Date.now() + 3_600_000).toISOString();
      const said = [`--from-literal=until=${until1h}`, "--from-literal=reason=payday"];
      await line.clusters["prod"]?.kubectl(["create", ...holdMap, ...said]);
      await until(
        "the hub knows of the hold",
        async () => {
          const { hold } = await line.api("/v1/projects/default/clusters/prod", clusterViewSchema);
          return hold?.reason === "payday";
        },
        HOLD_LOOK_MS,
      );
      const next = await line.tree.push({ [SERVICE]: service("ClusterIP", 85) }, "Move on");
      expect((await approved(next)).state).toMatchObject({ held: 1 });
      expect(await Promise.all(CLUSTERS.map(portIn))).toEqual(["ClusterIP 85", "ClusterIP 82"]);
      await line.clusters["prod"]?.kubectl(["delete", ...holdMap]);
      await until(
        "the held cluster caught up",
        async () => (await portIn("prod")) === "ClusterIP 85",
        2 * HOLD_LOOK_MS,
      );
    },
    LONG_MS,
  );

  it(
    "goes back also when the source is gone meanwhile",
    async () => {
      const bad = await line.tree.push({ [SERVICE]: service("LoadBalancer", 83) }, "Break it again");
      await until("the canary has it", async () => (await portIn("canary")) === "LoadBalancer 83");
      await line.git.close();
      await rolloutOf(line, bad, "rolled-back");
      await until("the canary is as before", async () => (await portIn("canary")) === "ClusterIP 85");
      expect(await portIn("prod")).toBe("ClusterIP 85");
    },
    LONG_MS,
  );
});
