/** A fleet folder through real Git: what a push adds, changes and prunes, what it leaves alone, and what is told. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makePrivateKey, publicHalf } from "../../../functions/release/sign.ts";
import type { Db } from "../../../functions/store/db.ts";
import { pollSource } from "../../../functions/release/poll-source.ts";
import { commitFiles } from "../source/git-fixture.ts";
import { syncFleetFolder, syncFleetFolders } from "../../../functions/fleet-folder/sync.ts";
import { putToken, redeemToken } from "../../../functions/store/cluster.ts";
import { deleteResource, markDeleting, putResource, type Stored } from "../../../functions/store/resource.ts";
import type { App } from "#core/app.ts";
import type { Source } from "#core/source.ts";
import {
  app,
  apps,
  cluster,
  doc,
  folderHub,
  OWNER,
  PROJECT,
  sourceDocument,
  type FolderHub,
} from "./folder-hub.ts";

let hub: FolderHub;
beforeEach(async () => {
  hub = await folderHub();
}, 900_000);
afterEach(() => hub?.stop());

const versions = async (...names: string[]) =>
  Promise.all(names.map(async (name) => (await hub.stored("App", name))?.version));

describe("a push", () => {
  it("adds, changes and takes away what the folder says, stamped with the commit", async () => {
    const first = await hub.push({
      "fleet/all.yaml": `${app("shop")}---\n${cluster("eu")}`,
      "fleet/teams/till.json": JSON.stringify({
        apiVersion: "fairlead.dev/v1",
        kind: "App",
        metadata: { name: "till" },
        spec: { source: "fleet", clusters: {} },
      }),
      "apps/web.yaml": "kind: Deployment\n",
      "fleet/README.md": "# not read\n",
    });
    expect(first).toMatchObject({ kind: "synced", written: 3, state: { applied: 3, errorsTotal: 0 } });
    expect(await hub.stored("App", "shop")).toMatchObject({
      version: 1,
      managedBy: OWNER,
      stamp: { by: OWNER, commit: first.commit, why: "Change the files" },
    });
    const second = await hub.push({
      "fleet/all.yaml": `${app("shop", ", path: apps")}---\n${cluster("eu")}`,
    });
    expect(second).toMatchObject({ kind: "synced", written: 2 });
    expect(await hub.stored("App", "shop")).toMatchObject({
      version: 2,
      resource: { spec: { path: "apps" } },
    });
    expect(await hub.stored("App", "till")).toMatchObject({
      deleting: true,
      stamp: { by: OWNER, commit: second.commit },
    });
    expect(await hub.fleet()).toEqual({
      commit: second.commit,
      applied: 2,
      errors: [],
      errorsTotal: 0,
      at: hub.now(),
    });
  });

  it("of the same again writes nothing, whoever asks how often", async () => {
    await hub.push(apps("a", "b"));
    hub.writes();
    expect([await hub.sync(), await hub.sync()]).toEqual([{ kind: "unchanged" }, { kind: "unchanged" }]);
    await syncFleetFolders(hub, PROJECT);
    expect(hub.writes()).toEqual([]);
    await hub.push({ ...apps("a", "b"), "README.md": "other" });
    expect(await versions("a", "b")).toEqual([1, 1]);
    hub.writes();
    expect((await hub.sync()).kind).toBe("unchanged");
    expect(hub.writes()).toEqual([]);
  });

  it("is undone by nobody for long: what people delete comes back, what they change is Git's again", async () => {
    await hub.push(apps("a", "b"));
    const [a, b] = [await hub.stored("App", "a"), await hub.stored("App", "b")];
    if (a === undefined || b === undefined) throw new Error("not applied");
    await markDeleting(hub.db, a as Stored<App>, { by: "user:eve" });
    const changed = { ...b.resource, spec: { ...(b.resource as App).spec, path: "elsewhere" } } as App;
    await putResource(hub.db, changed, { by: "user:eve" }, OWNER);
    expect(await hub.sync()).toMatchObject({ kind: "synced", written: 2 });
    expect(await hub.stored("App", "a")).toMatchObject({ deleting: false, stamp: { by: OWNER } });
    expect(await hub.stored("App", "b")).toMatchObject({ resource: { spec: { path: "." } } });
  });

  it("with a broken document changes the good ones, prunes nothing, and tells the place", async () => {
    await hub.push(apps("a", "b", "c"));
    const { commit } = await hub.push({
      "fleet/a.yaml": app("a", ", path: new"),
      "fleet/b.yaml": `${app("b", ", path: new")}---\n${app("d", ", nampespace: x")}---\nkind: [\n`,
    });
    expect(await versions("a", "b", "c", "d")).toEqual([2, 2, 1, undefined]);
    expect((await hub.stored("App", "c"))?.deleting).toBe(false);
    const fleet = await hub.fleet();
    expect(fleet).toMatchObject({ commit, applied: 2, errorsTotal: 2 });
    expect(fleet?.errors).toEqual([
      expect.stringMatching(/^fleet\/b\.yaml: document 3, line \d+: column \d+: not valid YAML/),
      "fleet/b.yaml: document 2, line 9: spec.nampespace: unknown field `nampespace`: did you mean `namespace`?",
    ]);
    await hub.push({ "fleet/a.yaml": app("a", ", path: new") });
    expect((await hub.fleet())?.errorsTotal).toBe(0);
    expect((await hub.stored("App", "c"))?.deleting).toBe(true);
  });

  it("that leaves the folder empty, or leads out of the repository, prunes nothing", async () => {
    await hub.push(apps("a"));
    await hub.push({ "README.md": "no fleet any more" });
    expect((await hub.fleet())?.errors).toEqual([
      "fleet/ holds no .yaml, .yml or .json file: nothing is changed or pruned",
    ]);
    await hub.apply(sourceDocument(hub.url, { apps: "../other" }));
    await hub.sync();
    expect((await hub.fleet())?.errors[0]).toContain("leads out of the repository");
    expect((await hub.stored("App", "a"))?.deleting).toBe(false);
  });

  it("of hostile text ends in an error, like any other", async () => {
    const bomb = [
      "a0: &a0 [x]",
      ...Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(9)}]`),
    ];
    const { state } = (await hub.push({
      "fleet/bomb.yaml": bomb.join("\n"),
      "fleet/deep.yaml": "[".repeat(100_000),
      "fleet/bytes.yaml": Buffer.from([0x61, 0x3a, 0x20, 0xff]),
      "fleet/good.yaml": app("good"),
    })) as { state: { applied: number; errors: string[] } };
    expect(state.applied).toBe(1);
    expect(state.errors).toEqual([
      expect.stringContaining("fleet/bomb.yaml: document 1, line 1: "),
      "fleet/bytes.yaml: is no text in UTF-8: store it as UTF-8",
      expect.stringContaining("fleet/deep.yaml: document 1, line 1: nested more than 50 deep"),
    ]);
  });
});

describe("what is taken away", () => {
  it("is withheld where it is much at once, and told with the way out", async () => {
    const many = (count: number) => apps(...Array.from({ length: count }, (_, at) => `app-${at}`));
    await hub.push(many(8));
    await hub.push(many(3));
    expect((await hub.fleet())?.errors).toEqual([
      expect.stringContaining("withheld: this commit would remove 5 of 8 resources"),
    ]);
    expect((await hub.stored("App", "app-7"))?.deleting).toBe(false);
    await hub.push(many(4));
    expect((await hub.fleet())?.errors).toEqual([]);
    expect((await hub.stored("App", "app-7"))?.deleting).toBe(true);
  });

  it("is a Source only once no App needs it any more", async () => {
    const other = doc("Source", "other", `{ git: { url: "https://git.example.com/o.git" } }`);
    const user = app("user").replace("source: fleet", "source: other");
    await hub.push({ "fleet/a.yaml": app("a"), "fleet/other.yaml": other, "fleet/user.yaml": user });
    await hub.push(apps("a"));
    expect((await hub.fleet())?.errors).toEqual([
      "Source other is not in the folder any more and stays: App user has to leave its clusters first",
    ]);
    const leaving = await hub.stored("App", "user");
    if (leaving === undefined) throw new Error("gone too early");
    await deleteResource(hub.db, leaving, { by: "hub:leave" });
    expect(await hub.sync()).toMatchObject({ kind: "synced", written: 1, state: { errorsTotal: 0 } });
    expect(await hub.stored("Source", "other")).toBeUndefined();
  });

  it("is a Cluster only while no agent is registered: it would be cut off", async () => {
    await hub.push({ ...apps("a"), "fleet/c.yaml": `${cluster("seen")}---\n${cluster("unseen")}` });
    await putToken(hub.db, PROJECT, "seen", "secret", hub.now() + 1000);
    await redeemToken(hub.db, "secret", publicHalf(await makePrivateKey()), hub.now());
    await hub.push(apps("a"));
    expect(await hub.stored("Cluster", "unseen")).toBeUndefined();
    expect(await hub.stored("Cluster", "seen")).toBeDefined();
    expect((await hub.fleet())?.errors).toEqual([
      expect.stringContaining("its agent is registered and would be cut off: fairlead delete cluster seen"),
    ]);
  });
});

describe("what people applied", () => {
  it("becomes the folder's when it appears there", async () => {
    const mine = {
      kind: "App",
      metadata: { name: "mine", project: PROJECT },
      spec: { source: "fleet", clusters: {} },
    };
    await hub.apply(mine, sourceDocument(hub.url));
    expect((await hub.stored("App", "mine"))?.managedBy).toBeUndefined();
    await hub.push(apps("mine"));
    expect(await hub.stored("App", "mine")).toMatchObject({ managedBy: OWNER, version: 2 });
  });

  it("and took over stays theirs until Git says the same", async () => {
    await hub.push(apps("mine", "b"));
    const stored = await hub.stored("App", "mine");
    if (stored === undefined) throw new Error("not applied");
    const hot = { ...stored.resource, spec: { ...(stored.resource as App).spec, path: "hotfix" } } as App;
    await putResource(hub.db, hot, { by: "user:ada" }, "people");
    expect(await hub.sync()).toMatchObject({ kind: "synced", written: 0, state: { errorsTotal: 1 } });
    expect((await hub.fleet())?.errors[0]).toBe(
      "fleet/mine.yaml: document 1, line 1: App mine: was taken over by user:ada and differs: commit what runs, and the folder keeps it again",
    );
    await hub.push({ ...apps("b"), "fleet/mine.yaml": app("mine", ", path: hotfix") });
    expect(await hub.stored("App", "mine")).toMatchObject({ managedBy: OWNER });
    expect((await hub.fleet())?.errors).toEqual([]);
  });
});

describe("a folder that is none any more", () => {
  it("keeps nothing, deletes nothing, and is told no more", async () => {
    await hub.push(apps("a"));
    const { apps: _, ...spec } = sourceDocument(hub.url).spec;
    await hub.apply({ ...sourceDocument(hub.url), spec });
    await syncFleetFolders(hub, PROJECT);
    expect(await hub.fleet()).toBeUndefined();
    expect((await hub.stored("App", "a"))?.deleting).toBe(false);
  });

  it("leaves what it kept to another folder that says the same names", async () => {
    await hub.push(apps("a"));
    const second = await hub.apply({
      ...sourceDocument(hub.url),
      metadata: { name: "second", project: PROJECT },
    });
    await pollSource(hub, second);
    const take = () => syncFleetFolder(hub, PROJECT, "second");
    expect(await take()).toMatchObject({ kind: "synced", written: 0 });
    expect((await hub.stored("App", "a"))?.managedBy).toBe(OWNER);
    const { apps: _, ...spec } = sourceDocument(hub.url).spec;
    await hub.apply({ ...sourceDocument(hub.url), spec });
    await hub.apply({
      ...sourceDocument(hub.url, { poll: "30s" }),
      metadata: { name: "second", project: PROJECT },
    });
    expect(await take()).toMatchObject({ kind: "synced", written: 1 });
    expect((await hub.stored("App", "a"))?.managedBy).toBe("source:web/second");
  });
});

describe("a lost race", () => {
  it("is decided again: nobody's write is overwritten, and the folder ends in step", async () => {
    await hub.push(apps("a", "b"));
    const a = await hub.stored("App", "a");
    let raced = false;
    const racing: Db = {
      ...hub.db,
      put: async (item, condition) => {
        if (!raced && item["name"] === "a" && a !== undefined) {
          raced = true;
          const hot = { ...a.resource, metadata: { ...a.resource.metadata, labels: { by: "eve" } } } as App;
          await putResource(hub.db, hot, { by: "user:eve" }, OWNER);
        }
        return hub.db.put(item, condition);
      },
    };
    await commitAndPoll({ "fleet/a.yaml": app("a", ", path: new"), "fleet/b.yaml": app("b") });
    expect((await syncFleetFolder({ ...hub, db: racing }, PROJECT, "fleet")).kind).toBe("synced");
    expect(raced).toBe(true);
    expect(await hub.stored("App", "a")).toMatchObject({ version: 3, resource: { spec: { path: "new" } } });
    expect((await hub.sync()).kind).toBe("unchanged");
  });
});

async function commitAndPoll(files: Record<string, string>): Promise<void> {
  await commitFiles(`${hub.git.root}/fleet.git`, files);
  const source = await hub.stored("Source", "fleet");
  if (source === undefined) throw new Error("the Source is gone");
  await pollSource(hub, source.resource as Source);
}
