/** Ranges of versions: which tag they mean, and real repositories read by them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { highestTag } from "../../../functions/source/semver-tag.ts";
import { fetchCommit, remoteHead } from "../../../functions/source/git.ts";
import { commitFiles, git, type GitFixture, gitFixture } from "./git-fixture.ts";

const tags = (...names: string[]) => names.map((name) => ({ ref: `refs/tags/${name}` }));
const highest = (range: string, ...names: string[]): string =>
  highestTag(range, tags(...names)).ref.replace("refs/tags/", "");

describe("highestTag", () => {
  it("is the highest version in the range, with or without v, not the last in the alphabet", () => {
    expect(highest("^1", "v1.2.0", "v1.10.0", "v1.9.9", "v2.0.0")).toBe("v1.10.0");
    expect(highest("~1.4", "1.4.1", "v1.4.3", "1.5.0")).toBe("v1.4.3");
    expect(highest(">=1.2 <2 || 3.x", "1.9.0", "3.0.1", "2.5.0")).toBe("3.0.1");
    expect(highest("*", "0.1.0")).toBe("0.1.0");
  });

  it("takes a prerelease only where the range names one of the same version", () => {
    const names = ["v1.2.0", "v1.3.0-rc.1", "v1.3.0-rc.2"];
    expect(highest("^1", ...names)).toBe("v1.2.0");
    expect(highest(">=1.3.0-rc.0", ...names)).toBe("v1.3.0-rc.2");
    expect(() => highest(">=1.2.1-rc.0 <1.3.0-a", ...names)).toThrow("satisfies");
  });

  it("passes over what is no full version", () => {
    expect(
      highest("*", "latest", "v1", "1.2", "v01.2.3", "version-9.9.9", " 9.9.9", "=9.9.9", "vv9.9.9", "1.0.0"),
    ).toBe("1.0.0");
  });

  it("is the same for any order: of two spellings the one with v, of two builds the higher", () => {
    expect([highest("*", "1.0.0", "v1.0.0"), highest("*", "v1.0.0", "1.0.0")]).toEqual(["v1.0.0", "v1.0.0"]);
    expect(highest("*", "1.0.0+b2", "1.0.0+b1")).toBe("1.0.0+b2");
  });

  it("names the range and how many tags were seen when none fits", () => {
    expect(() => highest("^7", "v1.0.0", "v2.0.0", "latest")).toThrow(
      "None of the repository's 3 tags (2 of them versions) satisfies the range ^7; tag a release, or widen spec.git.ref.semver",
    );
    expect(() => highest("*")).toThrow("0 tags");
  });
});

describe("a repository read by a range", () => {
  let fixture: GitFixture;
  let bare: string;
  let url: string;
  let first: string;

  beforeAll(async () => {
    fixture = await gitFixture();
    bare = await fixture.repository("fleet.git");
    url = fixture.url("fleet.git");
    first = await commitFiles(bare, { "a.yaml": "a: 1\n" });
    await git(bare, "tag", "v1.0.0", first);
    await git(bare, "tag", "-a", "-m", "One", "v1.1.0", first);
    await commitFiles(bare, { "a.yaml": "a: 2\n" });
  });
  afterAll(() => fixture.close());

  it("stands at the commit of the highest tag, peeled, and moves with a higher one", async () => {
    const ref = { semver: "^1" };
    expect(await git(bare, "rev-parse", "refs/tags/v1.1.0")).not.toBe(first);
    expect(await remoteHead({ url, ref, http: fetch })).toMatchObject({
      kind: "head",
      commit: first,
      refName: "refs/tags/v1.1.0",
    });
    const next = await commitFiles(bare, { "a.yaml": "a: 3\n" });
    await git(bare, "tag", "1.2.0", next);
    expect(await remoteHead({ url, ref, http: fetch })).toMatchObject({
      commit: next,
      refName: "refs/tags/1.2.0",
    });
    expect(await fetchCommit({ url, ref, commit: next, http: fetch })).toMatchObject({
      kind: "fetched",
      commit: next,
    });
  });

  it("says which range found nothing, and asks no server about what is no range", async () => {
    expect(await remoteHead({ url, ref: { semver: "^9" }, http: fetch })).toMatchObject({
      code: "ref-not-found",
      message: expect.stringContaining("the range ^9"),
    });
    const http = () => Promise.reject(new Error("must not be called"));
    expect(await remoteHead({ url, ref: { semver: "newest please" }, http })).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("no range"),
    });
  });

  it("of a thousand tags is one small exchange", async () => {
    const many = await fixture.repository("many.git");
    const commit = await commitFiles(many, { "a.yaml": "a: 1\n" });
    const lines = Array.from({ length: 1000 }, (_, n) => `create refs/tags/v0.${n}.0 ${commit}\n`);
    const { gitWithInput } = await import("./git-fixture.ts");
    await gitWithInput(many, lines.join(""), "update-ref", "--stdin");
    let requests = 0;
    const http = (target: string, init: RequestInit) => ((requests += 1), fetch(target, init));
    const head = await remoteHead({ url: fixture.url("many.git"), ref: { semver: "0.x" }, http });
    expect([head, requests]).toMatchObject([{ kind: "head", commit, refName: "refs/tags/v0.999.0" }, 2]);
  });
});
