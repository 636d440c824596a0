/**
 * `npm run manifest`: writes the definition of placements into the agent's chart, and renders `agent/manifest.yaml` from that, for
 * those who have no Helm.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { PLACEMENT_DEFINITION } from "#core/shown-placement.ts";
import { MANIFEST_FILE, MANIFEST_IMAGE } from "../agent-manifest.ts";
import { ensureTool } from "./tools.ts";

const CHART = new URL("../../agent/chart", import.meta.url).pathname;
export const PLACEMENTS_FILE = new URL("../../agent/chart/files/placements.yaml", import.meta.url);
const NAMESPACE = `# Rendered from agent/chart by npm run manifest; fairlead cluster register NAME --manifest IMAGE fills it in.
apiVersion: v1
kind: Namespace
metadata:
  name: fairlead-system
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;

/** With the chart's defaults, and a placeholder where the image is named. */
export async function renderManifest(): Promise<string> {
  const program = join(await ensureTool("helm"), "helm");
  const [repository = "", digest = ""] = MANIFEST_IMAGE.split("@");
  const values = ["--set", `image.repository=${repository}`, "--set", `image.digest=${digest}`];
  const place = ["--namespace", "fairlead-system", "--kube-version", "1.34.0"];
  const args = ["template", "fairlead-agent", CHART, ...place, ...values];
  const { stdout } = await promisify(execFile)(program, args);
  return NAMESPACE + stdout;
}

/** For agents that may not define the kind themselves. */
export function placementsText(): string {
  return `# From core/shown-placement.ts by npm run manifest.\n${stringify(PLACEMENT_DEFINITION.definition)}`;
}

if (import.meta.main) {
  await writeFile(PLACEMENTS_FILE, placementsText());
  await writeFile(MANIFEST_FILE, await renderManifest());
}
