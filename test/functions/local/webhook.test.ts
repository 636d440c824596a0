/** From a push to a read commit without waiting for a poll: a real Git server, the hub as it runs, a webhook as GitHub makes it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { startHub, type LocalHub } from "../../../functions/local/hub.ts";
import { until } from "../../support/wait.ts";
import { commitFiles, gitFixture, type GitFixture } from "../source/git-fixture.ts";
import { github, SECRET } from "../webhook/deliveries.ts";

const HOUR_MS = 3_600_000;
let folder: string;
let hub: LocalHub;
let git: GitFixture;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-webhook-"));
  git = await gitFixture();
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  // Nothing is polled while this runs: what moves, the webhook moved.
  const times = { pollSourcesMs: HOUR_MS, sweepMs: HOUR_MS };
  hub = await startHub({ dataDir: join(folder, "hub"), port: 0, wasmFile, log: () => undefined, times });
}, 900_000);
afterAll(async () => {
  await hub?.stop();
  await git?.close();
  await rm(folder, { recursive: true, force: true });
});

async function call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${hub.apiToken}`, "content-type": "application/json" };
  const answer = await fetch(`${hub.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
const commitOf = async (): Promise<string | undefined> => {
  const { state } = await call("GET", "/v1/projects/default/sources/fleet");
  return (state as { commit?: string } | undefined)?.commit;
};

describe("a webhook", () => {
  it("moves the Source while the next poll is an hour away", async () => {
    const bare = await git.repository("fleet.git");
    const map = (name: string) => ({
      "apps/map.yaml": `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`,
    });
    const first = await commitFiles(bare, map("first"));
    await call("PUT", "/v1/projects/default/credentials/hook", { kind: "webhook", secret: SECRET });
    const apiVersion = "fairlead.dev/v1";
    const spec = { git: { url: git.url("fleet.git") }, poll: "1h", webhook: "hook" };
    await call("POST", "/v1/apply", {
      resources: [
        { apiVersion, kind: "Source", metadata: { name: "fleet" }, spec },
        {
          apiVersion,
          kind: "App",
          metadata: { name: "shop" },
          spec: { source: "fleet", path: "apps", clusters: {} },
        },
      ],
    });
    await call("POST", "/v1/projects/default/sources/fleet/sync");
    await until("the first commit is read", async () => (await commitOf()) === first);

    const second = await commitFiles(bare, map("second"));
    expect(await commitOf()).toBe(first);
    const { headers, body } = github({ secret: SECRET, ref: "refs/heads/main", at: Date.now() });
    const answer = await fetch(`${hub.url}/v1/webhooks/default/fleet`, { method: "POST", headers, body });
    expect(answer.status).toBe(202);
    await until("the pushed commit is read", async () => (await commitOf()) === second);
  });
});
