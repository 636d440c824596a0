/** `sst.config.ts` and `infra/` against SST's own types, unpacked offline once for each version of SST. */
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, describe, it } from "vitest";
import { sstPlatform } from "../support/sst/platform.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
describe("infra", () => {
  it("fits SST's types to the last argument", async () => {
    const folder = await mkdtemp(join(tmpdir(), "fairlead-infra-"));
    try {
      for (const name of ["sst.config.ts", "infra", "package.json"])
        await cp(join(root, name), join(folder, name), { recursive: true });
      await symlink(join(await sstPlatform(), ".sst"), join(folder, ".sst"));
      await symlink(join(root, "node_modules"), join(folder, "node_modules"));
      const tsc = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", "infra"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(`${tsc.stdout}${tsc.stderr}`).toBe("");
      expect(tsc.status).toBe(0);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 900_000);
});
