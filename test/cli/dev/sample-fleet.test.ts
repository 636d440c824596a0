/** Seeding the sample fleet: complete the first time, harmless every other time. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type GitServer, startGitServer } from "../../../cli/dev/git-server.ts";
import { type SampleFleetPlaces, seedSampleFleet } from "../../../cli/dev/sample-fleet.ts";
import { parseResource } from "#core/resource.ts";
import { git } from "../../functions/source/git-fixture.ts";

let folder: string;
let server: GitServer;
let places: SampleFleetPlaces;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-sample-test-"));
  server = await startGitServer({ root: join(folder, "bare") });
  places = { root: join(folder, "bare"), workTree: join(folder, "fleet"), url: `${server.url}/fleet.git` };
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

describe("seedSampleFleet", () => {
  it("makes a repository with one commit and a clone that pushes to the server", async () => {
    expect(await seedSampleFleet(places)).toEqual({ bare: join(folder, "bare/fleet.git"), created: true });
    expect((await readdir(places.workTree)).sort()).toEqual([
      ".git",
      "README.md",
      "apps",
      "fleet",
      "source.yaml",
    ]);
    await writeFile(join(places.workTree, "new.yaml"), "a: 1\n");
    await git(places.workTree, "add", "new.yaml");
    await git(places.workTree, "commit", "--quiet", "--message", "Add a file");
    await git(places.workTree, "push", "--quiet");
    expect(await git(join(folder, "bare/fleet.git"), "rev-list", "--count", "main")).toBe("2");
    expect(await readdir(folder)).toEqual(["bare", "fleet"]);
  });

  it("changes nothing of a person's work when seeded again, but follows the server's new address", async () => {
    await seedSampleFleet(places);
    await writeFile(join(places.workTree, "draft"), "not committed");
    await git(places.workTree, "config", "user.name", "Ada");
    const commit = await git(places.workTree, "rev-parse", "HEAD");
    const url = "http://127.0.0.1:1/fleet.git";
    expect(await seedSampleFleet({ ...places, url })).toMatchObject({ created: false });
    expect(await readFile(join(places.workTree, "draft"), "utf8")).toBe("not committed");
    expect(await git(places.workTree, "config", "--local", "user.name")).toBe("Ada");
    expect(await git(places.workTree, "rev-parse", "HEAD")).toBe(commit);
    expect(await git(places.workTree, "remote", "get-url", "origin")).toBe(url);
  });

  it("makes the clone again when only that was removed", async () => {
    await seedSampleFleet(places);
    await rm(places.workTree, { recursive: true });
    expect(await seedSampleFleet(places)).toMatchObject({ created: false });
    expect(await readdir(places.workTree)).toContain("apps");
  });

  it("refuses a place that holds something else, and leaves it alone", async () => {
    await git(folder, "init", "--quiet", "fleet");
    await writeFile(join(places.workTree, "mine"), "mine");
    await expect(seedSampleFleet(places)).rejects.toThrow("not the sample fleet's clone");
    expect((await readdir(places.workTree)).sort()).toEqual([".git", "mine"]);
  });

  it("holds resources that Fairlead accepts", async () => {
    await seedSampleFleet(places);
    const folder = (await readdir(join(places.workTree, "fleet"))).map((name) => join("fleet", name));
    for (const name of ["source.yaml", ...folder]) {
      const text = await readFile(join(places.workTree, name), "utf8");
      expect(parseResource(name, parse(text))).toMatchObject({ kind: "parsed" });
    }
  });
});
