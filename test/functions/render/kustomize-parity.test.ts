/** The same objects as the real `kustomize build --enable-helm` makes, with the real helm behind it. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { capabilitiesOf } from "#core/capabilities.ts";
import type { KubeObject } from "#core/object.ts";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { KUSTOMIZE_CASES } from "./kustomize-cases.ts";
import { objectsOf, useRenderer, type Texts } from "./support.ts";

const renderer = useRenderer();
let kustomize: string;
let helm: string;
beforeAll(async () => {
  kustomize = join(await ensureTool("kustomize"), "kustomize");
  helm = join(await ensureTool("helm"), "helm");
}, 900_000);

const options = {
  release: "unused",
  namespace: "unused",
  values: {},
  valuesFiles: [],
  skipCrds: false,
  capabilities: capabilitiesOf(undefined, undefined),
};

async function built(files: Texts): Promise<KubeObject[]> {
  const root = await mkdtemp(join(tmpdir(), "fairlead-kustomize-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    const args = [
      "build",
      "app",
      "--enable-helm",
      "--helm-command",
      helm,
      "--load-restrictor",
      "LoadRestrictionsNone",
    ];
    const { stdout } = await promisify(execFile)(kustomize, args, { cwd: root });
    const documents = parseAllDocuments(stdout, { version: "1.1" });
    return (Array.isArray(documents) ? documents : []).map((document) => document.toJS() as KubeObject);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const sorted = (objects: readonly KubeObject[]): KubeObject[] =>
  objects.toSorted((a, b) => (a.kind + a.metadata.name < b.kind + b.metadata.name ? -1 : 1));

describe("render of a kustomization, held against kustomize itself", () => {
  it.each(KUSTOMIZE_CASES)("makes the same objects: $name", async ({ files }) => {
    const [mine, theirs] = [objectsOf(await renderer.render(files, "app", options)), await built(files)];
    expect(theirs.length).toBeGreaterThan(0);
    expect(sorted(mine)).toEqual(sorted(theirs));
  });
});
