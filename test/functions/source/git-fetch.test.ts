/** fetchCommit against real repositories behind real HTTP. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OutboundFetch } from "../../../functions/outbound/port.ts";
import {
  fetchCommit,
  type FetchedCommit,
  type FetchResult,
  remoteHead,
} from "../../../functions/source/git.ts";
import {
  AUTHOR,
  commitFiles,
  COMMITTED_AT_SECONDS,
  git,
  type GitFixture,
  gitFixture,
  manyFiles,
} from "./git-fixture.ts";

function fetched(result: FetchResult): FetchedCommit {
  if (result.kind === "failed") throw new Error(`${result.code}: ${result.message}`);
  return result;
}

function texts(result: FetchResult): Record<string, string> {
  const entries = Array.from(fetched(result).files, ([path, bytes]) => [
    path,
    Buffer.from(bytes).toString("utf8"),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

describe("fetchCommit", () => {
  let fixture: GitFixture;
  const pushes: string[] = [];

  beforeAll(async () => {
    fixture = await gitFixture({ onPush: (repository) => pushes.push(repository) });
  });
  afterAll(() => fixture.close());

  async function repository(name: string): Promise<{ bare: string; url: string }> {
    return { bare: await fixture.repository(name), url: fixture.url(name) };
  }

  it("brings every file of the commit, byte for byte, in one request", async () => {
    const { bare, url } = await repository("bytes.git");
    const binary = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 31) % 256));
    const commit = await commitFiles(bare, { "a.yaml": "a: 1\n", "deep/er/b.bin": binary, empty: "" });
    let requests = 0;
    const http: OutboundFetch = (target, init) => {
      requests += 1;
      return fetch(target, init);
    };
    const result = fetched(await fetchCommit({ url, ref: { branch: "main" }, commit, http }));
    expect(requests).toBe(1);
    expect([...result.files.keys()]).toEqual(["a.yaml", "deep/er/b.bin", "empty"]);
    expect(Buffer.from(result.files.get("deep/er/b.bin") ?? []).equals(binary)).toBe(true);
    expect(result).toMatchObject({ commit, moved: false, skipped: [] });
  });

  it("agrees with git on hundreds of similar files, which travel as deltas", async () => {
    const { bare, url } = await repository("deltas.git");
    const base = Array.from({ length: 400 }, (_, index) => `line ${index}: ${index * 7919}`);
    const files: Record<string, string> = {};
    for (let index = 0; index < 300; index += 1) {
      files[`apps/${index % 7}/f${index}.yaml`] = [
        ...base.slice(index),
        `own: ${index}`,
        ...base.slice(0, index),
      ].join("\n");
    }
    const commit = await commitFiles(bare, files);
    await git(bare, "repack", "-adfq", "--depth=50", "--window=50");
    expect(texts(await fetchCommit({ http: fetch, url, ref: { branch: "main" }, commit }))).toEqual(files);
  });

  it("tells author, first line of the message and time, cleaned of control characters", async () => {
    const { bare, url } = await repository("message.git");
    const message = `Fix \u001b[31mred\u202e text ${"x".repeat(300)}\n\nThe body stays away.`;
    const commit = await commitFiles(bare, { a: "1" }, { message });
    const result = fetched(await fetchCommit({ http: fetch, url, ref: { branch: "main" }, commit }));
    expect(result.author).toEqual(AUTHOR);
    expect(result.committedAt).toBe(COMMITTED_AT_SECONDS * 1000);
    expect(result.message).toMatch(/^Fix \[31mred text x+…$/);
    expect(result.message.length).toBe(200);
  });

  it("fetches tags, light and annotated, and an older commit by its id", async () => {
    const { bare, url } = await repository("tags.git");
    const first = await commitFiles(bare, { a: "first" });
    await git(bare, "tag", "light");
    await git(bare, "tag", "-a", "-m", "One", "one");
    await git(bare, "tag", "-a", "-m", "A tag of a tag", "two", "one");
    await commitFiles(bare, { a: "second" });
    for (const ref of [{ tag: "light" }, { tag: "one" }, { tag: "two" }, { commit: first }]) {
      expect(texts(await fetchCommit({ http: fetch, url, ref, commit: first })), JSON.stringify(ref)).toEqual(
        {
          a: "first",
        },
      );
    }
  });

  it("reaches the commit behind a tag object also where a server gives out only what references name", async () => {
    const { bare, url } = await repository("tips.git");
    const commit = await commitFiles(bare, { a: "1" });
    await git(bare, "tag", "-a", "-m", "One", "one");
    const http: OutboundFetch = (target, init) => {
      const asksForCommit =
        init.body instanceof Uint8Array && Buffer.from(init.body).includes(`want ${commit}`);
      if (!asksForCommit) return fetch(target, init);
      return Promise.resolve(new Response(`0048ERR upload-pack: not our ref ${commit}`));
    };
    const result = await fetchCommit({ url, ref: { tag: "one" }, commit, http });
    expect(result).toMatchObject({ kind: "fetched", commit, moved: false });
  });

  it("fetches the tip, and says so, when history was rewritten and the commit is gone", async () => {
    const { bare, url } = await repository("moved.git");
    const old = await commitFiles(bare, { a: "old" });
    const tip = await commitFiles(bare, { a: "new" }, { branch: "rewritten" });
    await git(bare, "branch", "--force", "--move", "rewritten", "trunk");
    await git(bare, "update-ref", "-d", "refs/heads/main");
    await git(bare, "branch", "--move", "trunk", "main");
    const result = await fetchCommit({ http: fetch, url, ref: { branch: "main" }, commit: old });
    expect(result).toMatchObject({ commit: tip, moved: true });
    expect(texts(result)).toEqual({ a: "new" });
    expect(await fetchCommit({ http: fetch, url, ref: { commit: old }, commit: old })).toMatchObject({
      code: "ref-not-found",
    });
  });

  it("says ref-not-found for an unknown commit, and for a branch that is gone", async () => {
    const { bare, url } = await repository("gone.git");
    const commit = "0".repeat(39).concat("1");
    await commitFiles(bare, { a: "1" });
    expect(await fetchCommit({ http: fetch, url, ref: { commit }, commit })).toMatchObject({
      code: "ref-not-found",
    });
    expect(await fetchCommit({ http: fetch, url, ref: { branch: "gone" }, commit })).toMatchObject({
      code: "ref-not-found",
    });
    const missing = fixture.url("missing.git");
    expect(await fetchCommit({ http: fetch, url: missing, ref: { commit }, commit })).toMatchObject({
      code: "not-found",
    });
  });

  it("sees what was just pushed through the server", async () => {
    const { bare, url } = await repository("push.git");
    await commitFiles(bare, { a: "before" });
    const clone = await mkdtemp(join(tmpdir(), "fairlead-clone-"));
    try {
      await git(clone, "clone", "--quiet", url, "work");
      await writeFile(join(clone, "work/a"), "after");
      await git(join(clone, "work"), "commit", "--all", "--quiet", "--message", "Change it");
      await git(join(clone, "work"), "push", "--quiet");
    } finally {
      await rm(clone, { recursive: true });
    }
    expect(pushes).toContain("push.git");
    const head = await remoteHead({ http: fetch, url, ref: { branch: "main" } });
    if (head.kind === "failed") throw new Error(head.message);
    const result = await fetchCommit({ http: fetch, url, ref: { branch: "main" }, commit: head.commit });
    expect(texts(result)).toEqual({ a: "after" });
    expect(result).toMatchObject({ message: "Change it" });
  });

  it("keeps fetches that run at once apart", async () => {
    const repositories = await Promise.all([1, 2, 3].map((index) => repository(`parallel-${index}.git`)));
    const expected: Record<string, string>[] = [];
    const commits: string[] = [];
    for (const [index, { bare }] of repositories.entries()) {
      expected[index] = { ...manyFiles(120), own: `repository ${index}` };
      commits[index] = await commitFiles(bare, expected[index]);
    }
    const runs = repositories.flatMap(({ url }, index) =>
      [1, 2].map(async () => {
        const result = await fetchCommit({
          http: fetch,
          url,
          ref: { branch: "main" },
          commit: commits[index] ?? "",
        });
        expect(texts(result)).toEqual(expected[index]);
      }),
    );
    await Promise.all(runs);
  });

  it("leaves a large file out and lists it; the others arrive", async () => {
    const { bare, url } = await repository("large.git");
    const large = Buffer.alloc(4 * 1024 * 1024 + 1, "large ");
    const commit = await commitFiles(bare, { "a.yaml": "a: 1\n", "video.bin": large });
    const result = await fetchCommit({ http: fetch, url, ref: { branch: "main" }, commit });
    expect(texts(result)).toEqual({ "a.yaml": "a: 1\n" });
    expect(result).toMatchObject({ skipped: [{ path: "video.bin", reason: "file-too-large" }] });
  });

  it("finds a small file that is a delta of one too large to keep", async () => {
    const { bare, url } = await repository("large-base.git");
    const lines = Array.from({ length: 20_000 }, (_, index) => `${index}: ${(index * 7919) % 10_007}`);
    const files = { large: lines.join("\n"), small: lines.slice(0, 8000).join("\n") };
    const commit = await commitFiles(bare, files);
    await git(bare, "repack", "-adfq");
    const limits = { fileBytesMax: 150_000 };
    expect(files.large.length).toBeGreaterThan(limits.fileBytesMax);
    const result = await fetchCommit({ http: fetch, url, ref: { branch: "main" }, commit, limits });
    expect(texts(result)).toEqual({ small: files.small });
  });

  it("stops reading a pack at packBytesMax and names the limit", async () => {
    const { bare, url } = await repository("pack.git");
    const noise = randomBytes(300_000);
    const commit = await commitFiles(bare, { noise });
    const limits = { packBytesMax: 100_000 };
    const result = await fetchCommit({ http: fetch, url, ref: { branch: "main" }, commit, limits });
    expect(result).toMatchObject({ code: "too-large", message: expect.stringContaining("100000 bytes") });
  });

  it("names the limit on the sum of all files, counting a file that occurs twice twice", async () => {
    const { bare, url } = await repository("sum.git");
    const commit = await commitFiles(bare, { a: "x".repeat(600), b: "x".repeat(600) });
    const ref = { branch: "main" };
    const result = await fetchCommit({ http: fetch, url, ref, commit, limits: { filesBytesMax: 1199 } });
    expect(result).toMatchObject({ code: "too-large", message: expect.stringContaining("1199 bytes") });
    expect(
      await fetchCommit({ http: fetch, url, ref, commit, limits: { filesBytesMax: 1200 } }),
    ).toMatchObject({
      kind: "fetched",
    });
  });
});
