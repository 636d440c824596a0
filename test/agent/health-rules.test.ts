/** An App's own rules of health in a running agent: they count for its kinds alone, and none of them can stop it. */
import { build } from "esbuild";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Patience } from "../../agent/cel/patience.ts";
import { Timed } from "../../agent/cel/timed.ts";
import { configMap, memoryCluster, phase, startAgent, stopAgents, WAIT } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const rule = (current: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  current,
  ...more,
});
const settings = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "settings" };
const SLOW = 'data.text.matches("^(a+)+b$")';

describe("rules of health", () => {
  it("tell what is current, on its way and failed, as the object changes", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    startAgent(hub, kube, { token: hub.token() });
    const marked = (value: string) => `metadata.?annotations["phase"].orValue("") == "${value}"`;
    const health = [rule(marked("up"), { failed: marked("down"), message: '"sails are " + data.sails' })];
    const objects = [configMap("settings", { sails: "set" })];
    await hub.assign("shop", objects, { sync: { health, drift: "report" } });
    await phase(hub, "shop", "progressing");
    expect(hub.latest.get("shop")?.message).toBe("ConfigMap shop/settings: sails are set");
    kube.edit(settings, { metadata: { annotations: { phase: "down" } } });
    await phase(hub, "shop", "failed");
    kube.edit(settings, { metadata: { annotations: { phase: "up" } } });
    await phase(hub, "shop", "healthy");
    await hub.assign("shop", objects, { sync: { health: [rule("false")] } });
    await phase(hub, "shop", "progressing", 2);
    await hub.assign("shop", objects);
    await phase(hub, "shop", "healthy", 3);
  });

  it("that never end are told, and neither their App nor another one stands still", async () => {
    const hub = await TestHub.create();
    startAgent(hub, memoryCluster(), { token: hub.token() });
    const objects = [configMap("settings", { text: "a".repeat(200) }), configMap("other", { text: "b" })];
    await hub.assign("slow", objects, { sync: { health: [rule(SLOW)] } });
    await hub.assign("quick", [configMap("quick")]);
    await phase(hub, "quick", "healthy");
    await phase(hub, "slow", "progressing");
    const words = "it took longer than 500 ms and is tried again later; make it simpler";
    await vi.waitFor(() => expect(hub.latest.get("slow")?.message).toContain(words), WAIT);
    await hub.assign("slow", objects, { sync: { health: [rule("true")] } });
    await phase(hub, "slow", "healthy");
  });

  it("that an agent cannot read are refused, and what runs stays", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    startAgent(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("settings")], { sync: { health: [rule("true", { newer: "x" })] } });
    await phase(hub, "shop", "refused");
    expect(kube.list().some((object) => object.metadata.name === "settings")).toBe(false);
  });
});

describe(Patience.name, () => {
  it("lets what was late rest, for longer each time, and trusts it again once it answers", () => {
    let now = 1_000;
    let runs = 0;
    let ends = false;
    const patience = new Patience(new Timed(20), () => now, 20);
    const asked = (name: string): string => {
      const before = runs;
      const answer = patience.ask(name, () => {
        runs += 1;
        if (!ends) for (;;);
        return { kind: "value", value: true };
      });
      return `${runs > before ? "ran" : "rested"} ${answer.kind}`;
    };
    expect([asked("a"), asked("a"), asked("b")]).toEqual(["ran none", "rested none", "ran none"]);
    now += 60_000;
    expect([asked("a"), asked("a")]).toEqual(["ran none", "rested none"]);
    now += 60_000;
    expect(asked("a")).toBe("rested none");
    now += 60_000;
    ends = true;
    expect([asked("a"), asked("a")]).toEqual(["ran value", "ran value"]);
    ends = false;
    expect([asked("a"), asked("a")]).toEqual(["ran none", "rested none"]);
    now += 60_000;
    expect(asked("a")).toBe("ran none");
  });
});

describe(Timed.name, () => {
  it("lets through what the work gives and throws, and ends what takes too long", () => {
    const timed = new Timed(200);
    expect(timed.run(() => 1)).toEqual({ kind: "done", value: 1 });
    expect(() =>
      timed.run(() => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(timed.run(() => /^(a+)+b$/.test("a".repeat(100)))).toEqual({ kind: "late" });
    expect(timed.run(() => 2)).toEqual({ kind: "done", value: 2 });
  });
});

describe("CEL", () => {
  it("is none of what an agent starts with", async () => {
    const { metafile } = await build({
      entryPoints: [new URL("../../agent/main.ts", import.meta.url).pathname],
      outdir: "never-written",
      write: false,
      metafile: true,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
    });
    const outputs = Object.entries(metafile.outputs);
    const start = outputs.find(([, { entryPoint = "" }]) => entryPoint.endsWith("agent/main.ts"))?.[0] ?? "";
    const seen = new Set<string>();
    const visit = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const { path, kind } of metafile.outputs[file]?.imports ?? [])
        if (kind === "import-statement") visit(path);
    };
    visit(start);
    const has = (files: Iterable<string>): boolean =>
      [...files].some((file) =>
        Object.keys(metafile.outputs[file]?.inputs ?? {}).some((input) => input.includes("cel-js")),
      );
    expect(has(outputs.map(([file]) => file))).toBe(true);
    expect(has(seen)).toBe(false);
  });
});
