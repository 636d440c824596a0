import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, type BuildSpec } from "../../cli/dev/build.ts";
import { goDirective, isOlder } from "../../cli/dev/go.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import { type Cluster, startCluster } from "./kubernetes/cluster.ts";
import { startServer } from "./kubernetes/server.ts";

const run = promisify(execFile);
/** Room for a first build of all tools, which happens once per machine. */
const firstBuildMs = 30 * 60_000;
const patienceMs = 120_000;
const pollMs = { timeout: 60_000 };

const clusterModule = new URL("kubernetes/cluster.ts", import.meta.url).href;
const buildModule = new URL("../../cli/dev/build.ts", import.meta.url).href;

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "fairlead-test-"));
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

/** Command lines of living processes that name this folder. */
async function processesNaming(folder: string): Promise<string[]> {
  const { stdout } = await run("ps", ["-A", "-o", "args="], { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split("\n").filter((line) => line.includes(folder));
}

describe("startCluster", () => {
  let full: Cluster;
  let bare: Cluster;
  beforeAll(async () => {
    const both = [
      startCluster({ name: "full" }),
      startCluster({ name: "bare", controllers: false }),
    ] as const;
    [full, bare] = await Promise.all(both);
  }, firstBuildMs);
  afterAll(async () => {
    await Promise.all([full?.stop(), bare?.stop()]);
  });

  it("brings a Deployment to Ready", { timeout: patienceMs }, async () => {
    const namespace = await full.namespace("web");
    await full.kubectl(["create", "deployment", "web", "--image=web", "--replicas=2", "-n", namespace]);
    const status = await full.kubectl([
      "rollout",
      "status",
      "deployment/web",
      "-n",
      namespace,
      "--timeout=90s",
    ]);
    expect(status).toMatchObject({ code: 0 });
    const ready = ["get", "deployment", "web", "-n", namespace, "-o", "jsonpath={.status.readyReplicas}"];
    expect((await full.kubectl(ready)).stdout).toBe("2");
  });

  it("keeps two clusters that run at once apart", { timeout: patienceMs }, async () => {
    const namespace = await bare.namespace("apart");
    const get = ["get", "namespace", namespace, "-o", "name"];
    expect(await bare.kubectl(get)).toMatchObject({ code: 0, stdout: `namespace/${namespace}\n` });
    expect(await full.kubectl(get)).toMatchObject({ code: 1, stderr: expect.stringContaining("NotFound") });
    expect(full.url).not.toBe(bare.url);
  });

  it("hands input to kubectl and makes every namespace anew", { timeout: patienceMs }, async () => {
    const [one, two] = [await bare.namespace(), await bare.namespace()];
    expect(one).not.toBe(two);
    const object = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c", namespace: one },
      data: { a: "1" },
    };
    expect(await bare.kubectl(["apply", "-f", "-"], JSON.stringify(object))).toMatchObject({ code: 0 });
    const read = await bare.kubectl(["get", "configmap", "c", "-n", one, "-o", "jsonpath={.data.a}"]);
    expect(read.stdout).toBe("1");
  });

  it("gives the user `agent` no right but those granted by RBAC", { timeout: patienceMs }, async () => {
    const namespace = await bare.namespace();
    const { kubeconfigFile } = bare.identity("agent");
    const asAgent = (...args: string[]) =>
      bare.kubectl(["--kubeconfig", kubeconfigFile, "-n", namespace, ...args]);
    expect(await asAgent("get", "configmaps")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Forbidden"),
    });
    const role = ["create", "role", "read", "--verb=get,list", "--resource=configmaps"];
    expect(await bare.kubectl([...role, "-n", namespace])).toMatchObject({ code: 0 });
    const binding = ["create", "rolebinding", "read", "--role=read", "--group=fairlead:agents"];
    expect(await bare.kubectl([...binding, "-n", namespace])).toMatchObject({ code: 0 });
    await expect.poll(async () => (await asAgent("get", "configmaps")).code, pollMs).toBe(0);
    expect(await asAgent("create", "configmap", "x")).toMatchObject({ code: 1 });
    expect(() => bare.identity("nobody")).toThrow(/no user "nobody"/);
  });

  it("goes on with the data and tokens of a kept folder", { timeout: patienceMs }, async () => {
    const options = { name: "kept", dataDir: join(scratch, "kept"), controllers: false };
    const before = await startCluster(options);
    const namespace = await before.namespace();
    await before.stop();
    const after = await startCluster(options);
    try {
      expect(await after.kubectl(["get", "namespace", namespace])).toMatchObject({ code: 0 });
      expect(after.token).toBe(before.token);
    } finally {
      await after.stop();
    }
  });

  it("leaves no process and no file behind when it is stopped", { timeout: patienceMs }, async () => {
    const cluster = await startCluster({ name: "stopped", controllers: false });
    const folder = dirname(cluster.kubeconfigFile);
    expect(await processesNaming(folder)).toHaveLength(4);
    await Promise.all([cluster.stop(), cluster.stop()]);
    expect(await processesNaming(folder)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  it("leaves none behind even when Node is killed", { timeout: patienceMs }, async () => {
    const program = `
      const { startCluster } = await import(${JSON.stringify(clusterModule)});
      const cluster = await startCluster({ name: "orphan" });
      console.log(cluster.kubeconfigFile);
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const folder = dirname(line.toString().trim());
    // Five servers, each under its leash.
    expect(await processesNaming(folder)).toHaveLength(10);
    child.kill("SIGKILL");
    await expect.poll(() => processesNaming(folder), pollMs).toEqual([]);
    await expect.poll(() => existsSync(folder), pollMs).toBe(false);
  });
});

describe("startServer", () => {
  it("tells the last log lines of a server that died early", { timeout: firstBuildMs }, async () => {
    const leash = join(await ensureTool("leash"), "leash");
    const logFile = join(scratch, "brief.log");
    const args = ["-c", "echo no such flag; exit 3"];
    const server = startServer(leash, { name: "brief", program: "/bin/sh", args, cwd: scratch, logFile });
    await expect(server.died).rejects.toThrow(/brief ended early \(code 3\).*no such flag/s);
    await server.stop();
  });
});

describe("build", () => {
  /** A tool whose build takes a moment and counts its runs. */
  function fakeTool(name: string, shell: string): BuildSpec {
    return {
      name,
      about: "a test's tool",
      outputs: ["made"],
      stamp: ["1"],
      sources: [],
      steps: async (out) => [{ command: "/bin/sh", args: ["-c", shell, "sh", out], cwd: scratch }],
    };
  }
  const io = { log: () => {} };
  const countAndMake = (name: string) => `echo run >> ${name}.runs; sleep 0.3; echo made > "$1/made"`;
  const runs = async (name: string) =>
    (await readFile(join(scratch, `${name}.runs`), "utf8")).trim().split("\n").length;
  const entries = (name: string) => readdir(join(scratch, "cache", name));

  it("builds once when several processes ask at the same time", { timeout: patienceMs }, async () => {
    const step = { command: "/bin/sh", args: ["-c", countAndMake("many"), "sh"], cwd: scratch };
    const program = `
      const { build } = await import(${JSON.stringify(buildModule)});
      const step = ${JSON.stringify(step)};
      const steps = async (out) => [{ ...step, args: [...step.args, out] }];
      const spec = { name: "many", about: "", outputs: ["made"], stamp: ["1"], sources: [], steps };
      console.log(await build(spec, ${JSON.stringify(join(scratch, "cache"))}, { log() {} }));`;
    const ask = () => run(process.execPath, ["--input-type=module", "-e", program]);
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(new Set(answers.map(({ stdout }) => stdout)).size).toBe(1);
    expect(await runs("many")).toBe(1);
    expect(await entries("many")).toHaveLength(1);
  });

  it("takes over the lock and the leavings of a builder that crashed", { timeout: patienceMs }, async () => {
    const spec = fakeTool("crashed", countAndMake("crashed"));
    const folder = await build(spec, join(scratch, "cache"), io);
    await rm(folder, { recursive: true });
    await writeFile(`${folder}.lock`, "an owner that is gone");
    await utimes(`${folder}.lock`, new Date(0), new Date(0));
    await mkdtemp(`${folder}.building-`);
    expect(await build(spec, join(scratch, "cache"), io)).toBe(folder);
    expect(await readFile(join(folder, "made"), "utf8")).toBe("made\n");
    expect(await entries("crashed")).toHaveLength(1);
  });

  it("says why a build failed, keeps nothing of it, and tries again at the next call", async () => {
    const failing = fakeTool("failing", "echo out of disk >&2; exit 4");
    const cache = join(scratch, "cache");
    await expect(build(failing, cache, io)).rejects.toThrow(/building failing failed \(4\).*out of disk/s);
    await expect(build(fakeTool("failing", "true"), cache, io)).rejects.toThrow(/left no made/);
    expect(await entries("failing")).toEqual([]);
    await build(fakeTool("failing", countAndMake("failing")), cache, io);
    expect(await entries("failing")).toHaveLength(1);
  });

  it("builds anew when a source or the stamp changes", async () => {
    const source = await mkdtemp(join(scratch, "source-"));
    await writeFile(join(source, "main.go"), "package main");
    const spec = { ...fakeTool("keyed", countAndMake("keyed")), sources: [source] };
    const cache = join(scratch, "cache");
    const first = await build(spec, cache, io);
    await writeFile(join(source, "notes.txt"), "no source of the build");
    expect(await build(spec, cache, io)).toBe(first);
    await writeFile(join(source, "main.go"), "package main // changed");
    const second = await build(spec, cache, io);
    const third = await build({ ...spec, stamp: ["2"] }, cache, io);
    expect(new Set([first, second, third]).size).toBe(3);
  });
});

describe("isOlder", () => {
  it("compares what is found with what go.mod asks, number by number", () => {
    const asked = goDirective("module m\n\ngo 1.24.0\n");
    expect(isOlder("1.23.9", asked)).toBe(true);
    expect(isOlder("1.24", asked)).toBe(false);
    expect(isOlder("1.26.8", asked)).toBe(false);
    expect(isOlder("1.9", asked)).toBe(true);
    expect(isOlder("2.0", asked)).toBe(false);
  });
});
