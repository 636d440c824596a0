/**
 * The line on two real API servers: seconds from a finished `git push` until both clusters reported the commit
 * healthy, and what the agent (one-file bundle) weighs idle with 1,000 objects.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { AGENT_NODE_ARGS, buildAgent } from "../../agent/build.ts";
import { applyApp, rolloutOf, startLine, type Line } from "../support/line.ts";
import { BASE, configMap, kustomization, shopFiles } from "../support/shop.ts";

const RUNS = 5;
const OBJECTS = 1_000;
const SETTLE_MS = 60_000;

export async function benchLine(): Promise<Record<string, string>> {
  const { file } = await buildAgent();
  const line = await startLine(["east", "west"], { agent: { program: file, nodeArgs: AGENT_NODE_ARGS } });
  try {
    await line.tree.push(shopFiles(["east", "west"]), "Start the shop");
    await applyApp(line);
    const byPoll = await pushes(line, false);
    const byHook = await pushes(line, true);
    const rss = await weigh(line);
    return {
      "push → both healthy, source and agents polling at 1 s": told(byPoll),
      "push → both healthy, hub told of the push (sync)": told(byHook),
      [`agent RSS idle with ${OBJECTS} objects, MiB (VmRSS after ${SETTLE_MS / 1000} s)`]: rss.toFixed(0),
      "bus hops from push to assignment": "2 (source.changed → release, rollout.released → assign)",
    };
  } finally {
    await line.stop();
  }
}

async function pushes(line: Line, sync: boolean): Promise<number[]> {
  const seconds: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const commit = await line.tree.push(
      { [`${BASE}/settings.yaml`]: configMap("settings", `${sync} ${run}`) },
      `Run ${run}`,
    );
    const since = performance.now();
    if (sync) await line.post("/v1/projects/default/sources/fleet/sync", {});
    await rolloutOf(line, commit);
    seconds.push((performance.now() - since) / 1000);
  }
  return seconds.sort((a, b) => a - b);
}

function told(seconds: readonly number[]): string {
  const middle = seconds[Math.floor(seconds.length / 2)] ?? 0;
  return `median ${middle.toFixed(2)} s of ${seconds.length} (${seconds.map((one) => one.toFixed(2)).join(", ")})`;
}

async function weigh(line: Line): Promise<number> {
  const names = Array.from({ length: OBJECTS }, (_, index) => `many-${index}`);
  const files = Object.fromEntries(
    names.map((name) => [`${BASE}/${name}.yaml`, configMap(name, "x".repeat(900))]),
  );
  const list = kustomization(
    "web.yaml",
    "service.yaml",
    "settings.yaml",
    "extra.yaml",
    ...names.map((name) => `${name}.yaml`),
  );
  const commit = await line.tree.push({ ...files, [`${BASE}/kustomization.yaml`]: list }, "Add a thousand");
  await rolloutOf(line, commit);
  await delay(SETTLE_MS);
  const status = await readFile(`/proc/${line.agents["east"]?.pid ?? 0}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
