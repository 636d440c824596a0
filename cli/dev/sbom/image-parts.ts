/** What the agent's image holds besides the agent, from the labels that its build wrote. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { componentOf, type Component, type Group } from "./component.ts";

const descriptor = z.object({ digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) });
const indexSchema = z.object({ manifests: z.array(descriptor).min(1).max(8) });
const manifestSchema = z.object({ config: descriptor });
const configSchema = z.object({
  architecture: z.string(),
  config: z.object({
    Labels: z.object({
      "org.opencontainers.image.title": z.string(),
      "org.opencontainers.image.version": z.string(),
      "dev.fairlead.node": z.string(),
      "dev.fairlead.debian": z.string(),
    }),
  }),
});

const DEBIAN_LICENSES: Readonly<Record<string, string>> = {
  libc6: "LGPL-2.1-or-later",
  "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
  "libstdc++6": "GPL-3.0-or-later WITH GCC-exception-3.1",
};

/** One group for each architecture of the layout; none where no image was built. */
export async function imageParts(layout: string): Promise<Group[]> {
  const index = await readFile(join(layout, "index.json"), "utf8").catch(() => undefined);
  if (index === undefined) return [];
  const { manifests } = indexSchema.parse(JSON.parse(index));
  return Promise.all(manifests.map(({ digest }) => imageOf(layout, digest)));
}

async function imageOf(layout: string, digest: string): Promise<Group> {
  const manifest = manifestSchema.parse(await blob(layout, digest));
  const { architecture, config } = configSchema.parse(await blob(layout, manifest.config.digest));
  const { Labels: labels } = config;
  const title = `${labels["org.opencontainers.image.title"]}-${architecture}`;
  const version = labels["org.opencontainers.image.version"];
  const parent = componentOf("application", title, version, undefined, "Apache-2.0");
  const debian = labels["dev.fairlead.debian"].split(", ").map((one) => debianOf(one, architecture));
  return { parent, parts: [nodeOf(labels["dev.fairlead.node"]), ...debian] };
}

/** Scanners know Node by its CPE. */
function nodeOf(version: string): Component {
  const node = componentOf("application", "node", version, `pkg:generic/node@${version}`, "MIT");
  return { ...node, cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*` };
}

/** `libc6 2.36-9+deb12u14` */
function debianOf(text: string, architecture: string): Component {
  const [name = "", version = ""] = text.split(" ");
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
  return componentOf("library", name, version, purl, DEBIAN_LICENSES[name] ?? "");
}

async function blob(layout: string, digest: string): Promise<unknown> {
  return JSON.parse(await readFile(join(layout, "blobs/sha256", digest.slice("sha256:".length)), "utf8"));
}
