/** Repositories made to harm: each is refused with its limit named, or its bad part left out and listed. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchCommit, type FetchResult } from "../../../functions/source/git.ts";
import {
  commitFiles,
  commitTree,
  type FixtureFile,
  git,
  type GitFixture,
  gitFixture,
  manyFiles,
  rawBlob,
  rawTree,
} from "./git-fixture.ts";

const link = (content: string): FixtureFile => ({ content, mode: "120000" });

describe("fetchCommit of a hostile repository", () => {
  let fixture: GitFixture;
  let count = 0;

  beforeAll(async () => {
    fixture = await gitFixture();
  });
  afterAll(() => fixture.close());

  async function repository(): Promise<{ bare: string; fetch: (commit: string) => Promise<FetchResult> }> {
    const name = `hostile-${(count += 1)}.git`;
    const bare = await fixture.repository(name);
    return {
      bare,
      fetch: (commit) =>
        fetchCommit({ http: fetch, url: fixture.url(name), ref: { branch: "main" }, commit }),
    };
  }

  async function fetchFiles(files: Record<string, string | FixtureFile>): Promise<FetchResult> {
    const { bare, fetch } = await repository();
    return fetch(await commitFiles(bare, files));
  }

  function listed(result: FetchResult): { files: Record<string, string>; skipped: Record<string, string> } {
    if (result.kind === "failed") throw new Error(`${result.code}: ${result.message}`);
    const files = Array.from(result.files, ([path, bytes]) => [path, Buffer.from(bytes).toString("utf8")]);
    const skipped = result.skipped.map(({ path, reason }) => [path, reason]);
    return {
      files: Object.fromEntries(files) as Record<string, string>,
      skipped: Object.fromEntries(skipped) as Record<string, string>,
    };
  }

  it("follows links inside the repository: to files, folders, through folders and other links", async () => {
    const result = await fetchFiles({
      "base/a.yaml": "a",
      "base/sub/b.yaml": "b",
      "file-link": link("base/a.yaml"),
      "folder-link": link("base"),
      "overlays/dev/up": link("../../base/sub/./b.yaml"),
      "overlays/dev/chain": link("../../folder-link/sub/b.yaml"),
      "overlays/dev/twice": link("up"),
    });
    expect(listed(result)).toEqual({
      files: {
        "base/a.yaml": "a",
        "base/sub/b.yaml": "b",
        "file-link": "a",
        "folder-link/a.yaml": "a",
        "folder-link/sub/b.yaml": "b",
        "overlays/dev/chain": "b",
        "overlays/dev/twice": "b",
        "overlays/dev/up": "b",
      },
      skipped: {},
    });
  });

  it("follows no link out of the repository, to nothing, or in a circle", async () => {
    const result = await fetchFiles({
      "a/file": "1",
      absolute: link("/etc/passwd"),
      "a/up": link("../../outside"),
      "a/nothing": link("missing"),
      "a/through-file": link("file/x"),
      "a/self": link("self"),
      "a/parent": link(".."),
      ping: link("pong"),
      pong: link("ping"),
      long: link("x/".repeat(2000)),
    });
    expect(listed(result)).toEqual({
      files: { "a/file": "1" },
      skipped: {
        absolute: "link-outside",
        "a/up": "link-outside",
        "a/nothing": "link-broken",
        "a/through-file": "link-broken",
        "a/self": "link-loop",
        "a/parent": "link-loop",
        ping: "link-loop",
        pong: "link-loop",
        long: "link-broken",
      },
    });
  });

  it("stops links that multiply each other at the file limit", async () => {
    const files: Record<string, string | FixtureFile> = { "d0/file": "x" };
    for (let level = 1; level <= 16; level += 1) {
      for (const name of ["a", "b", "c"]) files[`d${level}/${name}`] = link(`../d${level - 1}`);
    }
    expect(await fetchFiles(files)).toMatchObject({
      code: "too-large",
      message: expect.stringContaining("20000 files"),
    });
  });

  it("lists submodules instead of fetching them", async () => {
    const submodule = { content: "1".repeat(40), mode: "160000" };
    const result = await fetchFiles({ a: "1", "vendor/lib": submodule });
    expect(listed(result)).toEqual({ files: { a: "1" }, skipped: { "vendor/lib": "submodule" } });
  });

  it.each(["..", ".", "../x", ".GIT", ".git", ".git ", "git~1", "back\\slash"])(
    "refuses a commit with a file named %j, which could lead out of its folder",
    async (name) => {
      const { bare, fetch } = await repository();
      const oid = await rawBlob(bare, "content");
      const tree = await rawTree(bare, [
        { mode: "100644", name, oid },
        { mode: "100644", name: "good", oid },
      ]);
      const result = await fetch(await commitTree(bare, tree));
      expect(result).toMatchObject({ code: "invalid", message: expect.stringContaining(name) });
    },
  );

  it("leaves out names with control characters, and such as are no text", async () => {
    const { bare, fetch } = await repository();
    const oid = await rawBlob(bare, "content");
    const folder = await rawTree(bare, [{ mode: "100644", name: "file", oid }]);
    const tree = await rawTree(bare, [
      { mode: "40000", name: "a\u001b[2J", oid: folder },
      { mode: "100644", name: Buffer.from([0x66, 0xff]), oid },
      { mode: "100644", name: "good", oid },
    ]);
    expect(listed(await fetch(await commitTree(bare, tree)))).toEqual({
      files: { good: "content" },
      skipped: { "a [2J": "unsafe-name", "f\ufffd": "unsafe-name" },
    });
  });

  it("does not take a tag or commit for the file or folder that should be there", async () => {
    const { bare, fetch } = await repository();
    const commit = await commitFiles(bare, { a: "1" });
    await git(bare, "tag", "-a", "-m", "One", "one");
    const oid = await git(bare, "rev-parse", "refs/tags/one");
    for (const entry of [
      { mode: "100644", name: "file", oid },
      { mode: "40000", name: "folder", oid: commit },
    ]) {
      const made = await commitTree(bare, await rawTree(bare, [entry]));
      expect(await fetch(made), entry.name).toMatchObject({ kind: "failed" });
    }
  });

  it("refuses a folder that holds one name twice", async () => {
    const { bare, fetch } = await repository();
    const oids = [await rawBlob(bare, "one"), await rawBlob(bare, "two")];
    const entries = oids.map((oid) => ({ mode: "100644", name: "a", oid }));
    const commit = await commitTree(bare, await rawTree(bare, entries));
    expect(await fetch(commit)).toMatchObject({ code: "invalid", message: expect.stringContaining("twice") });
  });

  it("refuses 25,000 files and names the limit", async () => {
    const { bare, fetch } = await repository();
    const commit = await commitFiles(bare, manyFiles(25_000));
    expect(await fetch(commit)).toMatchObject({
      code: "too-large",
      message: expect.stringContaining("20000 files"),
    });
  });

  it("stops a tree of a few objects that unfolds to billions of files", async () => {
    const { bare, fetch } = await repository();
    const oid = await rawBlob(bare, "boom");
    let tree = await rawTree(
      bare,
      letters().map((name) => ({ mode: "100644", name, oid })),
    );
    for (let level = 0; level < 10; level += 1) {
      const below = tree;
      tree = await rawTree(
        bare,
        letters().map((name) => ({ mode: "40000", name, oid: below })),
      );
    }
    expect(await fetch(await commitTree(bare, tree))).toMatchObject({ code: "too-large" });
  });

  it("stops one of folders only, which has no files to count", async () => {
    const { bare, fetch } = await repository();
    let tree = await rawTree(bare, []);
    for (let level = 0; level < 8; level += 1) {
      const below = tree;
      tree = await rawTree(
        bare,
        letters().map((name) => ({ mode: "40000", name, oid: below })),
      );
    }
    const commit = await commitTree(bare, tree);
    expect(await fetch(commit)).toMatchObject({
      code: "too-large",
      message: expect.stringContaining("folders"),
    });
  });

  it("refuses nesting without end", async () => {
    const { bare, fetch } = await repository();
    const commit = await commitFiles(bare, { [`${"d/".repeat(70)}file`]: "x" });
    expect(await fetch(commit)).toMatchObject({
      code: "too-large",
      message: expect.stringContaining("deeper than 64"),
    });
  });

  it("refuses a small pack that unpacks to a huge file, without making the file", async () => {
    const { bare, fetch } = await repository();
    const commit = await commitFiles(bare, { zeros: Buffer.alloc(65 * 1024 * 1024) });
    const before = process.memoryUsage().arrayBuffers;
    expect(await fetch(commit)).toMatchObject({
      code: "too-large",
      message: expect.stringContaining("67108864"),
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 * 1024 * 1024);
  });

  it("refuses a history whose object was replaced on the server's disk", async () => {
    const { bare, fetch } = await repository();
    const tree = await rawTree(bare, [{ mode: "100644", name: "a", oid: randomBytes(20).toString("hex") }]);
    const commit = await git(bare, "commit-tree", "-m", "A missing blob", tree);
    await git(bare, "update-ref", "refs/heads/main", commit);
    expect(await fetch(commit)).toMatchObject({ kind: "failed" });
  });
});

function letters(): string[] {
  return Array.from("abcdefghij");
}
