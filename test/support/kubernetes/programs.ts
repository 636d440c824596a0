/**
 * Where the programs of a test cluster come from: a person's own binaries (`KUBEBUILDER_ASSETS`, the convention
 * of envtest) where they are complete, and our build for what is not among them.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureTool, kubernetesPrograms } from "../../../cli/dev/tools.ts";

export type Program = (typeof kubernetesPrograms)[number];
export type Programs = Record<Program | "leash", string>;

/** What the convention promises; the rest is taken from there only when it is there. */
const promised: readonly Program[] = ["etcd", "kube-apiserver", "kubectl"];
const bareCluster: readonly Program[] = promised;

/**
 * Paths of all programs. With a complete `assets` folder and no controllers asked for, only the leash is built.
 * Throws, naming the file, when `assets` lacks what its convention promises.
 */
export async function findPrograms(assets: string | undefined, controllers: boolean): Promise<Programs> {
  const leash = join(await ensureTool("leash"), "leash");
  const theirs = assets ? fromAssets(assets) : new Map<Program, string>();
  const needed = controllers ? kubernetesPrograms : bareCluster;
  const complete = needed.every((program) => theirs.has(program));
  const ours = complete ? (assets ?? "") : await ensureTool("kubernetes");
  const pick = (program: Program) => theirs.get(program) ?? join(ours, program);
  const found = Object.fromEntries(kubernetesPrograms.map((program) => [program, pick(program)]));
  return { ...(found as Record<Program, string>), leash };
}

function fromAssets(assets: string): Map<Program, string> {
  const found = new Map<Program, string>();
  for (const program of kubernetesPrograms) {
    if (existsSync(join(assets, program))) found.set(program, join(assets, program));
  }
  const missing = promised.filter((program) => !found.has(program));
  if (missing.length > 0) {
    throw new Error(
      `KUBEBUILDER_ASSETS=${assets} lacks ${missing.join(", ")}: complete it, or unset the variable`,
    );
  }
  return found;
}
