/** Gates on the hub as it runs: asked by the table's stream over the bus, answered by servers and by CI over the API, told by the CLI. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { rolloutSchema, type Rollout } from "#core/rollout.ts";
import { startHub, type LocalHub } from "../../../functions/local/hub.ts";
import { startPrometheus, type PrometheusServer } from "../../support/prometheus.ts";
import { until } from "../../support/wait.ts";
import { commitFiles, gitFixture, type GitFixture } from "../source/git-fixture.ts";

let folder: string;
let hub: LocalHub;
let git: GitFixture;
let prometheus: PrometheusServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-gates-"));
  [git, prometheus] = await Promise.all([gitFixture(), startPrometheus()]);
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  const times = { sweepMs: 500 };
  hub = await startHub({ dataDir: join(folder, "hub"), port: 0, wasmFile, log: () => undefined, times });
}, 900_000);
afterAll(async () => {
  await hub?.stop();
  await git?.close();
  await prometheus?.close();
  await rm(folder, { recursive: true, force: true });
});

async function call(method: string, path: string, body?: unknown, token = hub.apiToken): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${hub.url}/v1${path}`, { method, headers, ...sent });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as unknown;
}

const SHOP = "/projects/default/apps/shop";
const rolloutOf = async (): Promise<Rollout> => rolloutSchema.parse(await call("GET", `${SHOP}/rollouts/1`));
const verdicts = ({ gates }: Rollout) => gates.map(({ gate, told }) => `${gate} ${told?.kind ?? ""}`);

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: "web:1" }] }
`;

describe("gates on a hub that runs", () => {
  it("hold a rollout until each has said yes, whoever has to say it", async () => {
    const bare = await git.repository("fleet.git");
    await commitFiles(bare, { "apps/web.yaml": DEPLOYMENT });
    prometheus.teach('sum(errors{app="shop",release="1"})', "0.01");
    const apiVersion = "fairlead.dev/v1";
    const gates = [
      {
        name: "errors",
        prometheus: {
          url: prometheus.url,
          query: 'sum(errors{app="${app}",release="${release}"})',
          max: 0.05,
        },
        interval: "10s",
      },
      { name: "images", scan: { max: 0 }, interval: "10s" },
    ];
    const ci = { verbs: ["write"], nouns: ["scans"] };
    await call("POST", "/apply", {
      resources: [
        {
          apiVersion,
          kind: "Project",
          metadata: { name: "default" },
          spec: { roles: [{ role: "scanner", rules: [ci], members: [{ user: "nobody" }] }] },
        },
        {
          apiVersion,
          kind: "Source",
          metadata: { name: "fleet" },
          spec: { git: { url: git.url("fleet.git") } },
        },
        { apiVersion, kind: "Cluster", metadata: { name: "a", labels: { ring: "1" } } },
        {
          apiVersion,
          kind: "App",
          metadata: { name: "shop" },
          // Nobody is in the stage, maybe by a slip: its gates hold all the same.
          spec: {
            source: "fleet",
            path: "apps",
            clusters: {},
            rollout: { stages: [{ name: "canary", clusters: { matchLabels: { ring: "0" } }, gates }] },
          },
        },
      ],
    });
    const waits = await until("one gate has passed and the other waits for CI", async () => {
      const now = await rolloutOf();
      return verdicts(now).join() === "errors pass,images wait" && now;
    });
    expect(waits).toMatchObject({ stage: 0, state: { step: { kind: "gates" } } });

    // CI may tell what it found, and nothing else.
    const { token } = (await call("POST", "/projects/default/tokens", { name: "ci", role: "scanner" })) as {
      token: string;
    };
    const scans = `${SHOP}/releases/1/scans`;
    await call(
      "POST",
      scans,
      { scans: [{ image: "web:1", found: { high: 3 }, scanner: "trivy 0.60" }] },
      token,
    );
    await expect(call("GET", SHOP, undefined, token)).rejects.toThrow("403");
    const many = Array.from({ length: 100 }, (_, n) => ({ image: `other:${n}`, found: {} }));
    await call("POST", scans, { scans: many }, token);
    const tooMany = many.map(({ image, found }) => ({ image: `more-${image}`, found }));
    await expect(call("POST", scans, { scans: tooMany }, token)).rejects.toThrow("413");

    const done = await until("the rollout has gone on", async () => {
      const now = await rolloutOf();
      return now.state.kind === "succeeded" && now;
    });
    expect(done.gates.map(({ told }) => told?.message)).toEqual([
      "0.01, at most 0.05",
      "web:1 is the worst of 1: 0 critical",
    ]);
    const told = await until("the timeline has it all", async () => {
      const { items } = (await call("GET", `${SHOP}/timelines/1`)) as { items: { what: string }[] };
      return items.some(({ what }) => what.startsWith("succeeded")) && items.map(({ what }) => what);
    });
    expect(told).toContain("gate images says to wait: no report for web:1");
    expect(told).toContain("gate images passes: web:1 is the worst of 1: 0 critical");
  }, 120_000);
});
