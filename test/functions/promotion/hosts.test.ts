/** What every Git host is held to, Git itself over HTTP as well as each API: one commit or one pull request, never over others' work. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { promotionBranch } from "#core/promotion.ts";
import { commitFiles } from "../source/git-fixture.ts";
import { NAME, PROD, setting, type Kind, type Setting } from "./support.ts";

const BRANCH = promotionBranch("default", NAME);
const START = {
  "apps/shop/staging/web.yaml": "image: web:1\n",
  [`${PROD}/web.yaml`]: "image: web:0\n",
  [`${PROD}/own.yaml`]: "kept: true # ours\n",
};

/** One more file on the branch, all else as it is. */
async function addFile({ repository }: Setting, path: string): Promise<void> {
  const head = (await repository.head("main")) ?? "";
  const tree = await repository.write(head, [{ path, content: Buffer.from("a rival's\n") }]);
  const commit = await repository.commit(tree, head, "A rival", { name: "Eve", email: "eve@x.test" });
  await repository.move("main", commit, false);
}

describe.each<Kind>(["git", "github", "gitlab", "gitea"])("by commit at a host of kind %s", (kind) => {
  let here: Setting;
  beforeAll(async () => {
    here = await setting(kind);
    await here.commit(START);
    await here.promotion({
      by: "commit",
      change: { copy: ["apps/shop/staging/**"], set: [{ file: "own.yaml", field: "kept", from: "commit" }] },
    });
  }, 120_000);
  afterAll(() => here?.stop());

  it("writes one commit that names what it is, and leaves all else", async () => {
    await here.release(1, { "web.yaml": "image: web:1\n", "deep/er/map.yaml": "a: 1\n" });
    const done = await here.promote();
    expect(done?.state).toMatchObject({
      kind: "current",
      release: 1,
      commit: await here.repository.head("main"),
    });
    expect(await here.file(`${PROD}/web.yaml`)).toBe("image: web:1\n");
    expect(await here.file(`${PROD}/deep/er/map.yaml`)).toBe("a: 1\n");
    expect(await here.file(`${PROD}/own.yaml`)).toBe(`kept: "${"1".repeat(40)}" # ours\n`);
    expect(await here.file("apps/shop/staging/web.yaml")).toBe("image: web:1\n");
    expect((await here.log())[0]).toBe("Promote shop release 1 to apps/shop/prod (Fairlead)");
  });

  it("writes nothing for what is there, however often it is looked at", async () => {
    const before = await here.log();
    await here.look();
    await here.promote();
    expect(await here.log()).toEqual(before);
  });

  it("takes away what a newer release does not have, and builds on what others committed", async () => {
    await commitFiles(here.repository.bare, {
      ...START,
      [`${PROD}/web.yaml`]: "image: web:1\n",
      [`${PROD}/deep/er/map.yaml`]: "a: 1\n",
      "other.txt": "by a person\n",
    });
    await here.release(2, { "web.yaml": "image: web:2\n" });
    expect((await here.promote())?.state).toMatchObject({ kind: "current", release: 2 });
    expect(await here.file(`${PROD}/web.yaml`)).toBe("image: web:2\n");
    expect(await here.file(`${PROD}/deep/er/map.yaml`)).toBeUndefined();
    expect(await here.file("other.txt")).toBe("by a person\n");
  });

  it("loses no commit of a rival, whenever it comes", async () => {
    await here.promotion({ by: "commit" });
    const writes = (call: string) => call.includes("git-receive-pack") || !/^(GET|HEAD) /.test(call);
    for (const turn of [0, 1]) {
      const text = `image: web:rival-${turn}\n`;
      await here.release(10 + turn, { "web.yaml": text });
      let seen = 0;
      here.rival(async (call) => {
        if (!writes(call) || call.includes("upload-pack") || seen++ !== turn) return;
        await addFile(here, `rival-${turn}.txt`);
      });
      const done = await here.promote();
      here.rival(() => Promise.resolve());
      expect(done?.state).toMatchObject({ kind: "current", release: 10 + turn });
      expect(await here.file(`${PROD}/web.yaml`)).toBe(text);
      // A host with one write has no second moment.
      if (seen > turn) expect(await here.file(`rival-${turn}.txt`)).toBe("a rival's\n");
    }
  });

  it("goes through no link and says so", async () => {
    await here.promotion({ by: "commit", to: { source: "fleet", path: "apps/linked" } });
    await here.commit({ ...START, "apps/linked": { content: "../.github", mode: "120000" } });
    const head = await here.repository.head("main");
    await here.release(20, { "web.yaml": "image: web:3\n" });
    const done = await here.promote();
    expect(done?.state).toMatchObject({ kind: "failed", code: "invalid", attempts: 1 });
    expect(JSON.stringify(done?.state)).toContain("apps/linked is a file, link or submodule");
    expect(await here.repository.head("main")).toBe(head);
  });
});

describe.each(["github", "gitlab", "gitea"] as const)("by pull request at a host of kind %s", (kind) => {
  let here: Setting;
  beforeEach(async () => {
    here = await setting(kind);
    await here.commit(START);
    await here.promotion();
    return () => here.stop();
  }, 120_000);

  it("opens one, brings it up to a newer release, and sees that it was merged", async () => {
    await here.release(1, { "web.yaml": "image: web:1\n", "gone.yaml": "x: 1\n" });
    expect((await here.promote())?.state).toMatchObject({ kind: "opened", release: 1 });
    await here.release(2, { "web.yaml": "image: web:2\n" });
    const second = await here.promote();
    expect(second?.state).toMatchObject({ kind: "opened", release: 2 });
    expect(here.host?.pulls).toHaveLength(1);
    expect(here.host?.pulls[0]).toMatchObject({
      title: "Promote shop release 2 to apps/shop/prod",
      head: BRANCH,
    });
    expect(await here.file(`${PROD}/web.yaml`, BRANCH)).toBe("image: web:2\n");
    expect(await here.file(`${PROD}/gone.yaml`, BRANCH)).toBeUndefined();
    expect(await here.file(`${PROD}/web.yaml`)).toBe("image: web:0\n");
    await here.host?.merge(1);
    expect(await here.look()).toMatchObject({
      state: { kind: "current", release: 2 },
      landed: { release: 2 },
    });
    expect(await here.file(`${PROD}/web.yaml`)).toBe("image: web:2\n");
    expect(await here.file(`${PROD}/own.yaml`)).toBe(START[`${PROD}/own.yaml`]);
  });

  it("takes a closed one as no for this release, and opens another from the target for the next", async () => {
    await here.release(1, { "web.yaml": "image: web:1\n", "extra.yaml": "x: 1\n" });
    await here.promote();
    for (const pull of here.host?.pulls ?? []) pull.state = "closed";
    expect((await here.look())?.state).toMatchObject({ kind: "declined", release: 1 });
    await here.look();
    expect(here.host?.pulls).toHaveLength(1);
    await here.release(2, { "web.yaml": "image: web:2\n" });
    expect((await here.promote())?.state).toMatchObject({ kind: "opened", release: 2 });
    expect(here.host?.pulls.map(({ state }) => state)).toEqual(["closed", "open"]);
    expect(await here.file(`${PROD}/extra.yaml`, BRANCH)).toBeUndefined();
    expect(await here.log(BRANCH)).toHaveLength((await here.log()).length + 1);
  });

  it("repeats no secret, also where the host does", async () => {
    const wrong = "another-token-entirely";
    await here.parts.secrets.put("default", "writer", JSON.stringify({ kind: "token", token: wrong }));
    await here.release(1, { "web.yaml": "image: web:1\n" });
    const state = (await here.promote())?.state;
    expect(state).toMatchObject({ kind: "failed", code: "auth" });
    expect(JSON.stringify(state)).not.toContain(wrong);
    expect(here.host?.pulls).toEqual([]);
  });
});
