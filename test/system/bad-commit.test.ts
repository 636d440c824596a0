/** A bad commit keeps the old state running and names its place, in the hub's API or in the agent's report. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rolloutSchema, type AppError } from "#core/view.ts";
import { appOf, applyApp, live, placementOf, rolloutOf, startLine, type Line } from "../support/line.ts";
import { BASE, configMap, shopFiles } from "../support/shop.ts";
import { until } from "../support/wait.ts";

const ROLLOUTS = "/v1/projects/default/apps/shop/rollouts";

let line: Line;
let good: string;

beforeAll(async () => {
  line = await startLine(["east"]);
  good = await line.tree.push(shopFiles(["east"]), "Start the shop");
  await applyApp(line);
  await rolloutOf(line, good);
}, 1_800_000);
afterAll(() => line?.stop());

async function errorOf(commit: string): Promise<AppError> {
  return until(`an error for ${commit.slice(0, 7)}`, async () => {
    const { error } = (await appOf(line)).state ?? {};
    return error?.commit === commit ? error : undefined;
  });
}

async function oldStateRuns(): Promise<void> {
  expect(await live(line, "east", "configmap", "settings")).toMatchObject({ data: { greeting: "hello" } });
  expect(await live(line, "east", "deployment", "web")).toMatchObject({ status: { readyReplicas: 2 } });
}

async function takeBack(): Promise<void> {
  await line.tree.revert();
  await until("no error is left", async () => (await appOf(line)).state?.error === undefined);
}

describe("a commit that cannot be rendered", () => {
  it("because a YAML file does not parse: file and line", async () => {
    const commit = await line.tree.push(
      { [`${BASE}/settings.yaml`]: "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings\n" },
      "Break the YAML",
    );
    expect(await errorOf(commit)).toMatchObject({ file: `${BASE}/settings.yaml`, line: expect.any(Number) });
    await oldStateRuns();
    await takeBack();
  });

  it("because Kustomize refuses it: the file and its reason", async () => {
    const commit = await line.tree.push(
      { [`${BASE}/kustomization.yaml`]: "resources:\n  - missing.yaml\n" },
      "Name a missing file",
    );
    const error = await errorOf(commit);
    expect(`${error.file} ${error.message}`).toContain(BASE);
    expect(error.message).toContain("missing.yaml");
    await oldStateRuns();
    await takeBack();
  });

  it("because the path is not there: which path", async () => {
    const commit = await line.tree.push(
      { "apps/shop/overlays/east/kustomization.yaml": undefined },
      "Remove the overlay",
    );
    expect((await errorOf(commit)).message).toContain("apps/shop/overlays/east");
    await oldStateRuns();
    await takeBack();
  });
});

describe("a manifest that the API server refuses", () => {
  it("halts the rollout with object and reason, and the rest of the old state keeps running", async () => {
    const bad = `apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec:\n  selector: { app: web }\n  ports: [ { port: 99999 } ]\n`;
    const commit = await line.tree.push({ [`${BASE}/service.yaml`]: bad }, "Choose an impossible port");
    const rollout = await rolloutOf(line, commit, "halted");
    expect(rollout.state).toMatchObject({ reason: expect.stringMatching(/^east: .*Service.*web/) });
    const { observed, detail } = await placementOf(line, "east");
    expect(observed?.phase).toBe("failed");
    expect(detail?.failures[0]).toMatchObject({
      object: expect.stringContaining("web"),
      reason: expect.stringContaining("99999"),
    });
    await oldStateRuns();
    expect(await live(line, "east", "service", "web")).toMatchObject({ spec: { ports: [{ port: 80 }] } });
    await rolloutOf(line, await line.tree.revert());
  });
});

describe("a commit that would delete more than its budget", () => {
  it("is withheld and says what would go: nothing is assigned until a second person has approved it", async () => {
    const many = Array.from({ length: 25 }, (_, index) => `many-${index}`);
    const files = Object.fromEntries(many.map((name) => [`${BASE}/${name}.yaml`, configMap(name, "x")]));
    const names = ["web.yaml", "service.yaml", "settings.yaml", "extra.yaml"];
    const list = (more: string[]): string => `resources: [${[...names, ...more].join(", ")}]\n`;
    const added = await line.tree.push(
      { ...files, [`${BASE}/kustomization.yaml`]: list(many.map((name) => `${name}.yaml`)) },
      "Add many",
    );
    await rolloutOf(line, added);
    const removed = await line.tree.push({ [`${BASE}/kustomization.yaml`]: list([]) }, "Forget many");
    const held = await until("the release is withheld", async () => {
      const { withheld } = (await appOf(line)).state ?? {};
      if (withheld === undefined) return undefined;
      const found = await line.api(`${ROLLOUTS}/${withheld}`, rolloutSchema);
      return found.commit === removed ? found : undefined;
    });
    expect(held.state).toMatchObject({
      kind: "withheld",
      reason: expect.stringMatching(/^it would delete 25 objects on east .*the budget is deletes: 20/),
    });
    expect(await live(line, "east", "configmap", "many-0")).toBeDefined();
    const said = await line.post(`${ROLLOUTS}/${held.release}/approve`, { reason: "not used any more" });
    expect(said.status).toBe(200);
    await rolloutOf(line, removed);
    expect(await live(line, "east", "configmap", "many-0")).toBeUndefined();
  });
});
