/** `POST /v1/apply` with prune, and on what a fleet folder keeps. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseResource } from "#core/resource.ts";
import { getResource, putResource } from "../../../functions/store/resource.ts";
import { apiHub, writes, type ApiHub } from "../../support/api-hub.ts";
import { apiToken } from "../../support/caller.ts";
import { app, applyTo, cluster, doc, documents, outcomes, project, source } from "./apply-documents.ts";

let hub: ApiHub;
beforeAll(async () => {
  hub = await apiHub();
  await hub.apply({ kind: "Project", metadata: { name: "web" } });
  await yaml(source("fleet"));
}, 900_000);
afterAll(() => hub?.stop());

const yaml: ReturnType<typeof applyTo>["yaml"] = (...args) => applyTo(hub).yaml(...args);
const refusal: ReturnType<typeof applyTo>["refusal"] = (...args) => applyTo(hub).refusal(...args);

describe("prune", () => {
  const into = (text: string) => text.replaceAll("project: web", "project: pruned");
  const set = documents(
    source("fleet"),
    app("a"),
    app("b"),
    app("ops", "", "team: ops"),
    cluster("c", "team: web"),
  );

  it("removes by label what is not among the documents: Apps leave first, what is needed stays, clusters only by name", async () => {
    await yaml(documents(project("pruned", "{}"), into(set)));
    const query = "?prune=team%3Dweb";
    writes(hub);
    const kept = into(app("a"));
    const dry = await yaml(kept, { query: `${query}&dryRun=true` });
    expect(outcomes(dry)).toEqual(["App a unchanged", "App b deleted", "Source fleet skipped"]);
    expect(writes(hub)).toEqual([]);
    const { results } = await yaml(kept, { query });
    expect(results.slice(1)).toEqual([
      {
        kind: "App",
        project: "pruned",
        name: "b",
        outcome: "deleted",
        version: 2,
        note: "leaves its clusters first",
      },
      {
        kind: "Source",
        project: "pruned",
        name: "fleet",
        outcome: "skipped",
        version: 1,
        note: "App a uses it",
      },
    ]);
    expect((await getResource(hub.db, "App", "pruned", "b"))?.deleting).toBe(true);
    expect((await getResource(hub.db, "App", "pruned", "ops"))?.deleting).toBe(false);
    expect(outcomes(await yaml(kept, { query: `${query}&pruneKinds=Cluster` }))).toEqual([
      "App a unchanged",
      "Cluster c deleted",
    ]);
    expect(await getResource(hub.db, "Cluster", "pruned", "c")).toBeUndefined();
  });

  it("needs the right to delete, and a selector that can be read", async () => {
    const token = await apiToken(hub.db, {
      project: "pruned",
      name: "w",
      rules: [{ verbs: ["write"], nouns: ["*"] }],
      now: hub.now(),
    });
    expect(
      (await refusal(into(source("fleet")), 403, { token, query: "?prune=team%3Dweb" })).detail,
    ).toContain("may not delete apps");
    expect((await refusal(into(app("a")), 400, { query: "?prune=a%3D%3D%3D" })).detail).toContain("prune: ");
  });
});

describe("what a fleet folder keeps", () => {
  const owner = "source:web/kept-by";
  const keep = async (name: string) => {
    const parsed = parseResource("d", {
      apiVersion: "fairlead.dev/v1",
      kind: "App",
      metadata: { name, project: "web" },
      spec: { source: "fleet", clusters: {} },
    });
    if (parsed.kind !== "parsed") throw new Error(parsed.message);
    await putResource(hub.db, parsed.resource, { by: owner }, owner);
  };
  const bare = (name: string, more = "") =>
    doc("App", name, `{ source: fleet, clusters: {}${more} }`).replace(", labels: {  }", "");

  it("is left to Git, unless somebody takes it over", async () => {
    await yaml(source("kept-by", ", apps: fleet/"));
    await keep("kept");
    expect(outcomes(await yaml(bare("kept")))).toEqual(["App kept unchanged"]);
    expect((await refusal(bare("kept", ", path: x"), 409)).detail).toContain(
      `managed by ${owner}: change it in Git, or take it over (--takeover)`,
    );
    const { results } = await yaml(bare("kept", ", path: x"), { query: "?takeover=true" });
    expect(results[0]).toMatchObject({
      outcome: "configured",
      note: `managed by people now, by ${owner} before`,
    });
    expect(outcomes(await yaml(bare("kept", ", path: y")))).toEqual(["App kept configured"]);
    expect((await getResource(hub.db, "App", "web", "kept"))?.managedBy).toBe("people");
  });

  it("is anybody's once that Source has no folder any more", async () => {
    await keep("orphan");
    await yaml(source("kept-by"));
    expect((await yaml(bare("orphan", ", path: x"))).results[0]).toMatchObject({ outcome: "configured" });
    expect((await getResource(hub.db, "App", "web", "orphan"))?.managedBy).toBeUndefined();
  });
});
