/**
 * The agent's image without a container engine: a registry takes it and validates it, its files are a list that fits on a
 * page, and its own libraries start its own Node and agent.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage } from "../../agent/image/build.ts";
import type { Arch } from "../../agent/image/parts.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const run = promisify(execFile);
const ARCH: Arch = process.arch === "arm64" ? "arm64" : "amd64";
const TRIPLET = { amd64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" }[ARCH];
const LOADER = { amd64: "lib64/ld-linux-x86-64.so.2", arm64: "lib/ld-linux-aarch64.so.1" }[ARCH];

let folder: string;
let layout: string;
let digest: string;
let registry: TestRegistry;
let crane: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-image-test-"));
  crane = join(await ensureTool("crane"), "crane");
  registry = await startRegistry();
  ({ folder: layout, digest } = await buildImage([ARCH], join(folder, "layout")));
}, 900_000);
afterAll(async () => {
  await registry?.stop();
  await rm(folder, { recursive: true, force: true });
});

const json = async (file: string): Promise<unknown> => JSON.parse(await readFile(join(layout, file), "utf8"));
const blob = (of: string): string => `blobs/sha256/${of.slice("sha256:".length)}`;

async function manifest() {
  const index = (await json("index.json")) as { manifests: { digest: string }[] };
  return (await json(blob(index.manifests[0]?.digest ?? ""))) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
}

/** Paths in the image's layers, as a runtime would lay them over each other. */
async function unpacked(): Promise<string[]> {
  const { layers } = await manifest();
  const paths: string[] = [];
  for (const layer of layers) {
    const args = ["-xvzf", join(layout, blob(layer.digest)), "-C", folder];
    paths.push(...(await run("tar", args)).stdout.split("\n"));
  }
  return paths.filter((path) => path !== "" && !path.endsWith("/"));
}

describe("the agent's image", () => {
  it("is the same to the byte when it is built again", async () => {
    const again = await buildImage([ARCH], join(folder, "again"));
    expect(again.digest).toBe(digest);
  }, 600_000);

  it("is taken by a registry, which finds each layer and size as it is told", async () => {
    const name = `${registry.host}/fairlead/agent:test`;
    await run(crane, ["push", layout, name, "--index", "--insecure"]);
    await run(crane, ["validate", "--remote", name, "--insecure"]);
    expect((await run(crane, ["digest", name, "--insecure"])).stdout.trim()).toBe(digest);
  }, 120_000);

  it("runs as nobody, from the program itself: there is no shell to start one", async () => {
    const { config } = (await json(blob((await manifest()).config.digest))) as {
      config: { User: string; Entrypoint: string[] };
    };
    expect(config.User).toBe("65532:65532");
    expect(config.Entrypoint.at(0)).toBe("/usr/bin/node");
    expect(config.Entrypoint.at(-1)).toBe("/app/agent.mjs");
  });

  it("holds Node, the libraries that it loads, the agent, and nothing else; and they start", async () => {
    const paths = await unpacked();
    const libraries = paths.filter((path) => /\.so[.\d]*$/.test(path));
    expect(paths.filter((path) => !libraries.includes(path)).sort()).toEqual([
      "app/agent.mjs",
      "etc/group",
      "etc/nsswitch.conf",
      "etc/passwd",
      "usr/bin/node",
    ]);
    expect(libraries.length).toBeLessThan(16);
    const inImage = (path: string): string => join(folder, path);
    const search = ["lib", "usr/lib"].map((path) => inImage(`${path}/${TRIPLET}`)).join(":");
    // This machine's own libraries are not looked at: the loader is the image's, and so is where it searches.
    const args = [
      "--inhibit-cache",
      "--library-path",
      search,
      inImage("usr/bin/node"),
      inImage("app/agent.mjs"),
    ];
    const { stdout } = await run(inImage(LOADER), [...args, "--help"], { env: {} });
    expect(stdout).toContain("fairlead-agent: pulls this cluster's desired state");
  }, 120_000);
});
