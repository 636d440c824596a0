/** What a push may never do: each is refused, told on the Source, and nothing of it is written. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { putResource } from "../../../functions/store/resource.ts";
import {
  adminFor,
  app,
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

/** Pushes it beside a good App: what is told of it, after showing that the good one was applied. */
async function told(text: string): Promise<string[]> {
  await hub.push({ "fleet/a-hostile.yaml": text, "fleet/good.yaml": app("good") });
  expect(await hub.stored("App", "good")).toMatchObject({ managedBy: OWNER });
  const fleet = await hub.fleet();
  expect(fleet).toMatchObject({ applied: 1 });
  return fleet?.errors ?? [];
}

describe("a push cannot", () => {
  it("reach another project, not even its clusters' labels", async () => {
    await hub.apply({ ...sourceDocument(hub.url), metadata: { name: "theirs", project: "ops" } });
    await hub.apply(
      { kind: "Cluster", metadata: { name: "vault", project: "ops", labels: { env: "prod" } } },
      sourceDocument(hub.url),
    );
    const text = `${cluster("vault", ", project: ops, labels: { env: mine }")}---\n${app("spy", "", ", project: ops")}`;
    expect(await told(text)).toEqual([
      "fleet/a-hostile.yaml: document 1, line 1: Cluster vault: is of project ops; a fleet folder acts in its own project only, here web",
      expect.stringContaining("App spy: is of project ops"),
    ]);
    expect(await hub.stored("Cluster", "vault", "ops")).toMatchObject({
      version: 1,
      resource: { metadata: { labels: { env: "prod" } } },
    });
    expect(await hub.stored("App", "spy", "ops")).toBeUndefined();
  });

  it.each([
    ["branch", `{ git: { url: URL, ref: { branch: evil } }, apps: fleet/ }`],
    ["repository", `{ git: { url: "https://evil.example.com/x.git" }, apps: fleet/ }`],
    ["credentials", `{ git: { url: URL }, apps: fleet/, credentials: root }`],
    ["signatures", `{ git: { url: URL }, apps: fleet/, verify: { signatures: required, signers: [evil] } }`],
    ["folder", `{ git: { url: URL }, apps: . }`],
  ])("change its own Source: its %s", async (_, spec) => {
    await hub.apply(sourceDocument(hub.url, { poll: "30s" }));
    expect(await told(doc("Source", "fleet", spec.replace("URL", hub.url)))).toEqual([
      expect.stringContaining(
        "Source fleet: is the Source that this folder comes through: a push cannot change it",
      ),
    ]);
    expect(await hub.stored("Source", "fleet")).toMatchObject({
      managedBy: undefined,
      resource: { spec: { git: { url: hub.url }, poll: "30s" } },
    });
  });

  it("take its own Source over by saying what is so already, nor drop it later", async () => {
    await hub.push({
      "fleet/source.yaml": doc("Source", "fleet", `{ git: { url: "${hub.url}" }, apps: fleet/ }`),
      "fleet/a.yaml": app("a"),
    });
    expect((await hub.fleet())?.errors).toEqual([]);
    await hub.push({ "fleet/a.yaml": app("a") });
    expect(await hub.stored("Source", "fleet")).toMatchObject({
      version: 1,
      managedBy: undefined,
      deleting: false,
    });
  });

  it("write Projects: neither another one, nor roles and limits of its own", async () => {
    expect(
      await told(doc("Project", "mine", "{ roles: [{ role: admin, members: [{ source: fleet }] }] }")),
    ).toEqual([
      expect.stringContaining(
        "Project mine: is of project mine; a fleet folder acts in its own project only",
      ),
    ]);
    expect(
      await told(doc("Project", PROJECT, "{ roles: [{ role: admin, members: [{ source: fleet }] }] }")),
    ).toEqual([expect.stringContaining(`Project web: ${OWNER} may not write projects in project web`)]);
    expect(await hub.stored("Project", "mine", "mine")).toBeUndefined();
    expect((await hub.stored("Project", PROJECT))?.version).toBe(1);
  });

  it("be held against a Project that it brings along and may not write", async () => {
    await hub.apply(
      { kind: "Project", metadata: { name: PROJECT }, spec: { sources: [`${hub.git.server.url}/**`] } },
      sourceDocument(hub.url),
    );
    const errors = await told(
      `${doc("Project", PROJECT, '{ sources: ["**"] }')}---\n${doc("Source", "evil", '{ git: { url: "https://evil.example.com/x.git" } }')}`,
    );
    expect(errors).toEqual([
      expect.stringContaining("may not write projects"),
      expect.stringContaining("is not among spec.sources of Project web"),
    ]);
    expect(await hub.stored("Source", "evil")).toBeUndefined();
  });

  it("write Policies, or point a credential at an address", async () => {
    const policy = doc("Policy", "lax", '{ validations: [{ expression: "true", message: fine }] }');
    const leak = doc(
      "Source",
      "leak",
      '{ git: { url: "https://evil.example.com/x.git" }, credentials: root }',
    );
    expect(await told(`${policy}---\n${leak}`)).toEqual([
      expect.stringContaining(`Policy lax: ${OWNER} may not write policies in project web`),
      expect.stringContaining(`Source leak: ${OWNER} may not write credentials in project web`),
    ]);
    expect([await hub.stored("Policy", "lax"), await hub.stored("Source", "leak")]).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("make a folder of a Source that was granted more than itself", async () => {
    await hub.apply(adminFor("strong"), sourceDocument(hub.url));
    const folder = (name: string) => doc("Source", name, `{ git: { url: "${hub.url}" }, apps: evil/ }`);
    expect(await told(folder("strong"))).toEqual([
      expect.stringContaining(
        `${OWNER} may not give more than it has in project web (the fleet folder of Source strong)`,
      ),
    ]);
    expect(await hub.stored("Source", "strong")).toBeUndefined();
  });

  it("take what another folder keeps", async () => {
    await hub.apply({ ...sourceDocument(hub.url), metadata: { name: "second", project: PROJECT } });
    await hub.push({ "fleet/theirs.yaml": app("theirs") });
    const theirs = await hub.stored("App", "theirs");
    if (theirs === undefined) throw new Error("not applied");
    await putResource(hub.db, theirs.resource, { by: "source:web/second" }, "source:web/second");
    expect(await told(app("theirs", ", path: mine"))).toEqual([
      expect.stringContaining("App theirs: managed by source:web/second: one of the two must let it go"),
    ]);
    expect(await hub.stored("App", "theirs")).toMatchObject({ managedBy: "source:web/second" });
  });
});

describe("a role of the Project", () => {
  it("gives a folder more, Policies for one, as far as it says and no further", async () => {
    const rules = [{ verbs: ["write", "delete"], nouns: ["policies"] }];
    await hub.apply(
      {
        kind: "Project",
        metadata: { name: PROJECT },
        spec: { roles: [{ role: "policies", rules, members: [{ source: "fleet" }] }] },
      },
      sourceDocument(hub.url),
    );
    const policy = doc("Policy", "strict", '{ validations: [{ expression: "true", message: fine }] }');
    await hub.push({ "fleet/policy.yaml": policy, "fleet/good.yaml": app("good") });
    expect(await hub.stored("Policy", "strict")).toMatchObject({ managedBy: OWNER });
    await hub.push({ "fleet/good.yaml": app("good") });
    expect(await hub.stored("Policy", "strict")).toBeUndefined();
  });
});
