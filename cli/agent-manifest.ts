/** What `kubectl apply` needs to run an agent: the manifest rendered from its chart, with image and token filled in. */
import { readFile } from "node:fs/promises";

export const MANIFEST_FILE = new URL("../agent/manifest.yaml", import.meta.url);
/** Stands for the image in the file; no image has this digest. */
export const MANIFEST_IMAGE = `image.invalid/fairlead-agent@sha256:${"0".repeat(64)}`;

export async function agentManifest(image: string, token: string): Promise<string> {
  const text = await readFile(MANIFEST_FILE, "utf8");
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "fairlead-token", namespace: "fairlead-system" },
    type: "Opaque",
    stringData: { token },
  };
  return `${text.replaceAll(MANIFEST_IMAGE, image)}---\n${JSON.stringify(secret)}\n`;
}
