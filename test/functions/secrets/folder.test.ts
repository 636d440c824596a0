import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createFolderSecrets } from "../../../functions/secrets/folder.ts";
import { secretsConformance } from "../../conformance/secrets.ts";

const scratch = (): Promise<string> => mkdtemp(join(tmpdir(), "fairlead-secrets-"));

describe("createFolderSecrets", () => {
  secretsConformance(async () => {
    const folder = await scratch();
    const root = join(folder, "secrets");
    return {
      store: createFolderSecrets({ root }),
      reopened: createFolderSecrets({ root }),
      close: () => rm(folder, { recursive: true, force: true }),
    };
  });

  it("lets only its owner read: folders 0700, files 0600, nothing left aside", async () => {
    const folder = await scratch();
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const root = join(folder, "secrets");
    const store = createFolderSecrets({ root });
    await store.put("web", "git", "one");
    await store.put("web", "git", "two");
    const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
    expect([await mode(root), await mode(join(root, "web")), await mode(join(root, "web/git"))]).toEqual([
      "700",
      "700",
      "600",
    ]);
    expect(await readdir(join(root, "web"))).toEqual(["git"]);
  });
});
