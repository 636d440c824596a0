/** The plan of an apply over plain data: order, outcomes, owners, prune, and what all of it asks for. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ROLES, type Rule } from "#core/access.ts";
import { idOf, planPuts, type Acting, type Document, type Held, type World } from "#core/apply-plan.ts";
import { needsOf, unmet } from "#core/apply-rights.ts";
import { withheldRemovals, folderFiles } from "#core/fleet-folder.ts";
import { planPrune } from "#core/prune.ts";
import { parseResource, type Resource } from "#core/resource.ts";
import { diffResources } from "#core/resource-diff.ts";

function resource(kind: string, name: string, spec: object = {}, metadata: object = {}): Resource {
  const needed = {
    App: { source: "fleet", clusters: {} },
    Source: { git: { url: "https://git.example.com/a.git" } },
    Policy: { validations: [{ expression: "true", message: "fine" }] },
  }[kind];
  const value = {
    apiVersion: "fairlead.dev/v1",
    kind,
    metadata: { name, ...metadata },
    spec: { ...needed, ...spec },
  };
  const parsed = parseResource("d", value);
  if (parsed.kind === "refused") throw new Error(parsed.message);
  return parsed.resource;
}
const held = (one: Resource, more: Partial<Held> = {}): Held => ({
  resource: one,
  version: 1,
  deleting: false,
  stamp: { by: "user:ada" },
  managedBy: undefined,
  ...more,
});
const world = (all: readonly Held[], folders: readonly string[] = []): World => ({
  held: new Map(all.map((one) => [idOf(one.resource), one])),
  folders: new Set(folders),
});
const documents = (...all: Resource[]): Document[] =>
  all.map((one, at) => ({ place: `document ${at + 1}`, resource: one }));
const people: Acting = { managedBy: undefined, takeover: false };
const home = held(resource("Project", "default"));

describe("planPuts", () => {
  it("puts things before what needs them, whatever their order", () => {
    const kinds = ["Project", "Policy", "Source", "Cluster", "App"];
    fc.assert(
      fc.property(fc.shuffledSubarray(kinds, { minLength: 2 }), (order) => {
        const all = order.map((kind) => resource(kind, kind === "Project" ? "default" : "x"));
        const puts = planPuts(documents(...all), world([home]), people);
        const planned = puts.map(({ change }) => change.resource.kind);
        expect(planned).toEqual(kinds.filter((kind) => order.includes(kind)));
      }),
    );
  });

  it("is unchanged where the stored one says the same, deleting ones come back", () => {
    const app = resource("App", "shop");
    const outcome = (before: Held) =>
      planPuts(documents(app), world([home, before]), people)[0]?.change.outcome;
    expect(outcome(held(app))).toBe("unchanged");
    expect(outcome(held(app, { deleting: true }))).toBe("configured");
    expect(outcome(held(resource("App", "shop", { path: "x" })))).toBe("configured");
    expect(outcome(held(resource("App", "other")))).toBe("created");
  });

  const folder: Acting = { managedBy: "source:default/fleet", takeover: false };
  const other = "source:default/other";
  it.each([
    // who acts, whose it is, says it the same, → whose it is then (undefined: refused)
    [people, undefined, false, "nobody"],
    [people, "people", false, "people"],
    [people, other, true, other],
    [people, other, false, undefined],
    [{ ...people, takeover: true }, other, false, "people"],
    [folder, undefined, false, folder.managedBy],
    [folder, folder.managedBy, false, folder.managedBy],
    [folder, "people", true, folder.managedBy],
    [folder, "people", false, undefined],
    [folder, other, false, undefined],
    [folder, "source:default/gone", false, folder.managedBy],
    [people, "source:default/gone", false, "nobody"],
  ])("%j on what %s keeps, the same: %s → %s", (acting, managedBy, same, owner) => {
    const before = held(resource("App", "shop", same ? {} : { path: "x" }), { managedBy });
    const folders = [other, "source:default/fleet"];
    const [put] = planPuts(documents(resource("App", "shop")), world([home, before], folders), acting);
    const found = put?.refusal === undefined ? (put?.change.managedBy ?? "nobody") : undefined;
    expect(found).toBe(owner);
  });
});

describe("planPrune", () => {
  const of = (all: Held[], meant: (one: Held) => boolean = () => true) =>
    planPrune({ held: all, named: new Set(), isMeant: meant, staysFor: () => undefined, apps: [] }).map(
      (change) =>
        change.kind === "remove"
          ? idOf(change.before.resource)
          : `${idOf(change.before.resource)}: ${change.why}`,
    );
  const [app, source, cluster] = [
    resource("App", "a"),
    resource("Source", "fleet"),
    resource("Cluster", "c"),
  ].map((one) => held(one)) as [Held, Held, Held];

  it("takes Apps first, and keeps a Source until its Apps have left", () => {
    expect(of([source, cluster, app])).toEqual([
      "App/default/a",
      "Cluster/default/c",
      "Source/default/fleet: App a has to leave its clusters first",
    ]);
    expect(of([source, app], ({ resource: { kind } }) => kind === "Source")).toEqual([
      "Source/default/fleet: App a uses it",
    ]);
    expect(of([source, { ...app, deleting: true }])).toEqual([
      "Source/default/fleet: App a has to leave its clusters first",
    ]);
    expect(of([source])).toEqual(["Source/default/fleet"]);
  });

  it("counts an App as the documents make it", () => {
    const moved = resource("App", "a", { source: "elsewhere" });
    const planned = planPrune({
      held: [app, source],
      named: new Set([idOf(moved)]),
      isMeant: () => true,
      staysFor: () => undefined,
      apps: [moved as Extract<Resource, { kind: "App" }>],
    });
    expect(planned.map(({ kind }) => kind)).toEqual(["remove"]);
  });
});

describe("needsOf", () => {
  const put = (before: Resource | undefined, after: Resource, rules: readonly Rule[]) => {
    const [planned] = planPuts(documents(after), world(before === undefined ? [] : [held(before)]), people);
    if (planned === undefined) throw new Error("nothing planned");
    return needsOf(planned.change, () => undefined).flatMap((need) => unmet(need, rules) ?? []);
  };

  it("of anything is met by an admin, and by nobody without rules", () => {
    const kinds = fc.constantFrom("Project", "Policy", "Source", "Cluster", "App");
    const labels = fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("x", "y"));
    fc.assert(
      fc.property(kinds, labels, labels, fc.boolean(), (kind, was, is, stands) => {
        const [before, after] = [
          resource(kind, "n", {}, { labels: was }),
          resource(kind, "n", {}, { labels: is }),
        ];
        expect(put(stands ? before : undefined, after, ROLES.admin)).toEqual([]);
        expect(put(stands ? before : undefined, after, [])).not.toEqual([]);
      }),
    );
  });

  it("never lets a rule with labels reach what does not have them, before or after", () => {
    const labels = fc.dictionary(fc.constantFrom("team", "b"), fc.constantFrom("web", "ops"));
    const rules: Rule[] = [{ verbs: ["write"], nouns: ["apps"], labels: { matchLabels: { team: "web" } } }];
    fc.assert(
      fc.property(labels, labels, (was, is) => {
        const unmetWords = put(
          resource("App", "a", {}, { labels: was }),
          resource("App", "a", {}, { labels: is }),
          rules,
        );
        expect(unmetWords.length === 0).toBe(was["team"] === "web" && is["team"] === "web");
      }),
    );
  });

  it("of roles is to have what they give", () => {
    const granting = resource("Project", "web", { roles: [{ role: "admin", members: [{ user: "eve" }] }] });
    const before = resource("Project", "web");
    expect(put(before, granting, [{ verbs: ["write"], nouns: ["projects"] }])).toEqual([
      "give more than it has in project web (the roles of Project web)",
    ]);
    expect(put(granting, before, [{ verbs: ["write"], nouns: ["projects"] }])).toEqual([]);
  });
});

describe("diffResources", () => {
  it("is empty for the same, and names each field of a new one", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (path) => {
        const app = resource("App", "a", { path });
        expect(diffResources(app, app)).toEqual({ changes: [], more: 0 });
        const changed = diffResources(resource("App", "a", { path: `${path}!` }), app);
        expect(changed.changes.map((one) => one.path)).toEqual(["/spec/path"]);
      }),
    );
    const fresh = diffResources(undefined, resource("Cluster", "c", {}, { labels: { env: "dev" } }));
    expect(fresh.changes).toContainEqual({ path: "/metadata/labels/env", after: '"dev"' });
  });
});

describe("the fleet folder", () => {
  it("is what lies below its name, and nothing beside it", () => {
    const paths = [
      "fleet/b.yml",
      "fleet/x/a.yaml",
      "fleet2/c.yaml",
      "fleet/readme.md",
      "d.json",
      "fleet.yaml",
    ];
    for (const folder of ["fleet", "fleet/", "./fleet", "/fleet//"])
      expect(folderFiles(folder, paths)).toEqual({ kind: "found", paths: ["fleet/b.yml", "fleet/x/a.yaml"] });
    expect(folderFiles(".", paths)).toMatchObject({
      kind: "found",
      paths: expect.arrayContaining(["d.json"]),
    });
    for (const folder of ["../fleet", "fleet/../..", "none"])
      expect(folderFiles(folder, paths).kind).toBe("refused");
  });

  it("never loses more at once than the limit, and always lets a little go", () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), (count, more) => {
        const goes = withheldRemovals(count, count + more) === undefined;
        if (count <= 4) expect(goes).toBe(true);
        else expect(goes).toBe(count <= 20 && count <= more);
      }),
    );
  });
});
