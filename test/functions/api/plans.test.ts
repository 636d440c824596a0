/** Plans by people's API, of a real Git server's commits and branches, and of working trees: who may ask, and what is answered. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROLES, type Rule } from "#core/access.ts";
import { PLAN_FILES_MAX } from "#core/limits.ts";
import { releasePlanSchema, type ReleasePlan } from "#core/release-plan.ts";
import { gitFixture, git, type GitFixture } from "../source/git-fixture.ts";
import { apiHub, ask, refused, writes, type ApiHub } from "../../support/api-hub.ts";
import { apiToken } from "../../support/caller.ts";
import { app, source } from "../../support/hub-parts.ts";
import { workTree, type WorkTree } from "../../support/work-tree.ts";

let hub: ApiHub;
let fixture: GitFixture;
let tree: WorkTree;
let folder: string;
const tokens: Record<string, string> = {};
const URL = "/v1/projects/default/apps/web/plan";
const configMap = (name: string, data: object) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${JSON.stringify(data)}\n`;
const FILES = { "apps/all.yaml": configMap("one", { a: "1" }) };

beforeAll(async () => {
  hub = await apiHub();
  folder = await mkdtemp(join(tmpdir(), "fairlead-plans-"));
  fixture = await gitFixture();
  await fixture.repository("web.git");
  tree = await workTree(join(folder, "clone"), fixture.url("web.git"));
  await tree.push(FILES, "First");
  await hub.apply(
    { ...source, metadata: { name: "web" }, spec: { git: { url: fixture.url("web.git") } } },
    { ...app({ source: "web" }), metadata: { name: "web", labels: { team: "web" } } },
  );
  const token = async (name: string, rules: readonly Rule[]): Promise<void> => {
    tokens[name] = await apiToken(hub.db, { project: "default", name, rules, now: hub.now() });
  };
  await token("deployer", ROLES.deployer);
  await token("reader", [{ verbs: ["read"], nouns: ["apps", "sources"] }]);
  await token("syncer", [{ verbs: ["read", "sync"], nouns: ["apps", "sources"] }]);
  await token("webOnly", [
    { verbs: ["read", "write"], nouns: ["apps"], labels: { matchLabels: { team: "web" } } },
  ]);
  await token("dbOnly", [
    { verbs: ["read", "write"], nouns: ["apps"], labels: { matchLabels: { team: "db" } } },
  ]);
}, 300_000);
afterAll(async () => {
  await fixture?.close();
  await hub?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function plan(body: unknown, token = tokens["deployer"], url = URL): Promise<ReleasePlan> {
  writes(hub);
  const answer = await ask(hub.api, { method: "POST", url, token, body });
  const text = await answer.text();
  expect([answer.status, text, writes(hub)]).toEqual([200, expect.anything(), []]);
  return releasePlanSchema.parse(JSON.parse(text));
}

describe("a plan of Git", () => {
  it("is of one commit, and of where a branch stands, whatever the Source follows", async () => {
    const first = await tree.push({ "apps/all.yaml": configMap("one", { a: "1" }), note: "x" }, "Note");
    await git(tree.folder, "checkout", "--quiet", "-b", "feature/x");
    await tree.push({ "apps/two.yaml": configMap("two", {}) }, "Two");
    await git(tree.folder, "push", "--quiet", "origin", "feature/x");
    const second = await git(tree.folder, "rev-parse", "HEAD");
    await git(tree.folder, "checkout", "--quiet", "main");
    const found = await plan({ commit: first });
    expect(found).toMatchObject({
      app: "web",
      planned: { kind: "commit", commit: first, author: "Ada Example", message: "Note" },
      against: { release: 0 },
      verdict: { kind: "release" },
      changes: { entries: [{ action: "install", created: { listed: [{ name: "one" }] } }] },
    });
    expect(await plan({ branch: "feature/x" })).toMatchObject({
      planned: { commit: second, message: "Two" },
      changes: { entries: [{ created: { listed: [{ name: "one" }, { name: "two" }] } }] },
    });
  });

  it("says what cannot be fetched, as what it would not release", async () => {
    expect((await plan({ branch: "none" })).verdict).toMatchObject({
      kind: "withheld",
      error: {
        message: expect.stringContaining("Source web cannot be read: The repository has no refs/heads/none"),
      },
    });
    expect((await plan({ commit: "0".repeat(40) })).verdict).toMatchObject({ kind: "withheld" });
    expect((await plan({ branch: "bad..name" })).verdict).toMatchObject({ kind: "withheld" });
  });

  it("asks for the right to look at the Source", async () => {
    await plan({ branch: "main" }, tokens["syncer"]);
    for (const name of ["reader", "webOnly"])
      await refused(hub, { method: "POST", url: URL, token: tokens[name], body: { branch: "main" } }, 403);
  });
});

describe("a plan of a working tree", () => {
  it("is of the files that are sent, text or not, and keeps none of them", async () => {
    const before = await storedObjects();
    const files = { ...FILES, "apps/logo.png": { base64: "iVBORw0KGgo=" } };
    expect(await plan({ files })).toMatchObject({
      planned: { kind: "files", files: 2 },
      verdict: { kind: "release" },
    });
    expect(await storedObjects()).toEqual(before);
  });

  it("asks for the right to write this App, as far as its labels go", async () => {
    await plan({ files: FILES }, tokens["webOnly"]);
    for (const name of ["reader", "syncer"])
      await refused(hub, { method: "POST", url: URL, token: tokens[name], body: { files: FILES } }, 403);
    const asDb = { method: "POST", url: URL, token: tokens["dbOnly"], body: { files: FILES } };
    const hidden = await refused(hub, asDb, 403);
    const absent = { ...asDb, url: URL.replace("web", "none") };
    expect((await refused(hub, absent, 403)).detail).toBe(hidden.detail);
  });

  it("refuses too many files and paths that are none", async () => {
    const many = Object.fromEntries(Array.from({ length: PLAN_FILES_MAX + 1 }, (_, n) => [`f${n}`, ""]));
    const token = tokens["deployer"];
    const tooMany = await refused(hub, { method: "POST", url: URL, token, body: { files: many } }, 400);
    expect(tooMany.detail).toContain(`${PLAN_FILES_MAX}`);
    await refused(hub, { method: "POST", url: URL, token, body: { files: { "../x": "" } } }, 400);
  });
});

describe("a hub that makes as many plans as it can", () => {
  it("tells who asks for one more when to ask again", async () => {
    const api = hub.build({ planner: { plan: async () => ({ kind: "busy" }) } });
    const asked = { method: "POST", url: URL, token: tokens["deployer"], body: { files: FILES } };
    expect((await refused(hub, asked, 429, api)).code).toBe("too-many");
    expect((await ask(api, asked)).headers.get("retry-after")).toBe("5");
  });
});

/** Keys of everything in the object store. */
async function storedObjects(): Promise<string[]> {
  return (await readdir(hub.objectsFolder, { recursive: true })).sort();
}
