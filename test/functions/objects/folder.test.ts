import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createFolderStore } from "../../../functions/objects/folder.ts";
import { objectsConformance } from "../../conformance/objects.ts";

const bytes = new Uint8Array([1, 2, 3]);

describe("createFolderStore", () => {
  objectsConformance(async () => {
    const root = await mkdtemp(join(tmpdir(), "fairlead-objects-"));
    return {
      store: createFolderStore({ root }),
      reopened: createFolderStore({ root }),
      renewing: createFolderStore({ root, renewAfterMs: 0 }),
      close: () => rm(root, { recursive: true, force: true }),
    };
  });

  it("leaves nothing aside after a write, a lost race or a refusal", async () => {
    const root = await newRoot();
    const store = createFolderStore({ root });
    await store.put("a/b", bytes);
    await store.put("a/b", bytes);
    await expect(store.put("a/b/c", bytes)).rejects.toThrow("a/b/c");
    expect(await readdir(join(root, "+aside"))).toEqual([]);
    expect(await readdir(root)).toEqual(["+aside", "a"]);
  });

  it("says so when a key is both an object and a part of another", async () => {
    const store = createFolderStore({ root: await newRoot() });
    await store.put("a/b", bytes);
    await expect(store.put("a/b/c", bytes)).rejects.toThrow(/a part of its key is an object/);
    await expect(store.put("a", bytes)).rejects.toThrow(/it is a part of one/);
    expect(await store.get("a")).toBeUndefined();
  });

  it("removes with its first write what a killed process left aside long ago, and nothing younger", async () => {
    const root = await newRoot();
    await mkdir(join(root, "+aside"));
    for (const name of ["old", "young"]) await writeFile(join(root, "+aside", name), "x");
    await utimes(join(root, "+aside", "old"), 1000, 1000);
    await createFolderStore({ root }).put("a", bytes);
    expect(await readdir(join(root, "+aside"))).toEqual(["young"]);
  });
});

async function newRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "fairlead-objects-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  return root;
}
