import { describe, expect, it } from "vitest";
import { fleetPage } from "../../../functions/dashboard/page.ts";
import {
  app,
  audit,
  busyFleet,
  cluster,
  fleet,
  largeFleet,
  NOW,
  placement,
  release,
  rollout,
  source,
  readState,
} from "./fleet-fixture.ts";

const options = { project: "default", projects: ["default"], refresh: true };
const pageOf = async (view: ReturnType<typeof fleet>, now = NOW) =>
  String(await fleetPage(view, now, options));
/** The text as a person reads it: tags gone, white space folded. */
const textOf = async (view: ReturnType<typeof fleet>) =>
  (await pageOf(view)).replace(/<style[\s\S]*?<\/style>|<[^>]+>/g, " ").replace(/\s+/g, " ");

describe("fleetPage", () => {
  it("says the fleet in one sentence, each cluster counted once", async () => {
    const html = await pageOf(busyFleet());
    expect(html).toContain(
      "<h1>8 clusters: 4 healthy, 1 on the way to a release, 1 failing, 1 silent, 1 waiting for an agent.</h1>",
    );
  });

  it("shows the newest release with number, short commit, subject only, author and how far it is", async () => {
    const text = await textOf(busyFleet());
    expect(text).toContain(
      "Release 3 · 4f1c0de Raise the shop's replicas for the sale".replace("'", "&#39;"),
    );
    expect(text).toContain("by Ada Byron");
    expect(text).toMatch(/4 of 7 clusters/);
    expect(text).not.toContain("Long body");
  });

  it("names file, line and reason of a commit that made no release, and what keeps running", async () => {
    const text = await textOf(busyFleet());
    expect(text).toContain("apps/base/ingress.yaml:14 mapping values are not allowed here");
    expect(text).toContain("Release 2 keeps running.");
  });

  it("names why a rollout halted and which object of which cluster failed", async () => {
    const text = await textOf(busyFleet());
    expect(text).toContain("The rollout of release 3 is halted");
    expect(text).toContain("container web: image registry.example.com/web:1.5.0 cannot be pulled");
  });

  it("shows drift as field, before, after, who, and whether it was restored", async () => {
    const html = await pageOf(busyFleet());
    const row = html.slice(html.indexOf("Objects that differed"));
    for (const part of ["/spec/replicas", "<del>3</del>", "<ins>9</ins>", "kubectl-edit", "restored"])
      expect(row).toContain(part);
  });

  it("marks simulated clusters and only those", async () => {
    const view = fleet({
      clusters: [cluster("sim-1"), cluster("real-1")],
      apps: [
        {
          app: app("shop"),
          releases: [release("shop", 1, "x")],
          placements: [placement("shop", "sim-1", 1), placement("shop", "real-1", 1)],
        },
      ],
    });
    const text = await textOf(view);
    expect(text).toContain("sim-1 simulated");
    expect(text).not.toContain("real-1 simulated");
  });

  it("tells what to do when there is nothing yet", async () => {
    const text = await textOf(fleet());
    expect(text).toContain("No clusters yet.");
    expect(text).toContain("fairlead cluster register NAME");
    expect(text).toContain("fairlead apply -f app.yaml");
    expect(text).not.toContain("Rollouts");
  });

  it("shows the findings of the newest audit", async () => {
    const text = await textOf(fleet({ audit }));
    expect(text).toContain("8 clusters , 14 placements".replace(" ,", ","));
    expect(text).toContain("has 2, shall have 3: failed: Deployment shop/web: image cannot be pulled");
  });

  it("shows a source's error code and sentence", async () => {
    const text = await textOf(busyFleet());
    expect(text).toMatch(/unreachable : git\.example\.com does not answer within 30 s/);
  });

  it("keeps a large fleet short: rows for what is not well, names for the rest", async () => {
    const html = await pageOf(largeFleet(60));
    expect(html).toContain("60 clusters: 56 healthy, 3 on the way to a release, 1 failing.");
    expect(html.match(/<th role="rowheader" scope="row">\s*<span class="name">sim-/g)).toHaveLength(4);
    expect(html.match(/<li>\s*<span class="name">sim-/g)).toHaveLength(56);
  });
});

describe("escaping", () => {
  const hostile = `"><script>alert(1)</script>'<img src=x onerror=alert(2)>`;

  // What would break: a commit message, a manager's name or an agent's sentence would run in the operator's browser.
  it("never lets text from Git, agents or clusters become markup", async () => {
    const drift = {
      object: hostile,
      fields: [{ path: hostile, before: hostile, after: hostile }],
      by: hostile,
      restored: false,
    };
    const view = fleet({
      clusters: [cluster("one", {}, { kubernetes: hostile, agent: hostile, silent: true })],
      sources: [
        source("fleet", { ...readState, author: hostile, message: hostile }),
        source("other", { kind: "failed", code: hostile, message: hostile, at: NOW }),
      ],
      apps: [
        {
          app: app("shop", { error: { commit: hostile, message: hostile, file: hostile, object: hostile } }),
          releases: [release("shop", 2, hostile, hostile), release("shop", 1, hostile, hostile)],
          rollout: rollout("shop", 2, 1, 0, { kind: "halted", reason: hostile }),
          placements: [
            placement(
              "shop",
              "one",
              2,
              { phase: "failed", message: hostile, drift: 1 },
              { failures: [{ object: hostile, reason: hostile }], drift: [drift] },
            ),
          ],
        },
      ],
      audit: {
        ...audit,
        slot: hostile,
        offRelease: [{ app: hostile, cluster: hostile, has: 1, wants: 2, why: hostile }],
      },
    });
    const html = await pageOf(view);
    expect(html).not.toContain("<script");
    expect(html).not.toContain("<img src=x");
    expect(html.match(/&lt;script&gt;/g)?.length).toBeGreaterThan(15);
    // Without the quoted values, what is left of a tag are the attributes' names: none came from the text.
    const names = html.replace(/"[^"]*"/g, "").match(/<[a-z][^<>]*>/g) ?? [];
    expect(names.filter((tag) => tag.includes("onerror"))).toEqual([]);
  });
});

describe("a page on which nothing happened", () => {
  // What would break: the ETag would change at every refresh, and each one would send the whole page again.
  it("is the same text in whatever order the table gives the labels", async () => {
    const of = (labels: Record<string, string>) =>
      fleet({ clusters: [cluster("a", labels, { silent: true })] });
    expect(await pageOf(of({ env: "dev", region: "eu" }))).toBe(
      await pageOf(of({ region: "eu", env: "dev" })),
    );
  });

  it("is the same text seconds later", async () => {
    expect(await pageOf(busyFleet(), NOW + 5_000)).toBe(await pageOf(busyFleet(), NOW));
  });
});

const findings = (total: number, message = "an image must be named with a version") => ({
  total,
  listed: [{ by: "Policy no-latest", object: "Deployment shop/web", message }],
});
const withState = (state: object) => {
  const view = busyFleet();
  const [first] = view.apps;
  if (first === undefined) throw new Error("no App");
  const shown = { ...first, app: { ...first.app, state: { release: 2, active: false, ...state } } };
  return { ...view, apps: [shown as (typeof view.apps)[number]] };
};

describe("fleetPage, Projects and Policies", () => {
  it("lists what withholds a commit: which rule, which object, in words, and how many more", async () => {
    const error = { commit: "c".repeat(40), message: "withheld: …", findings: findings(3) };
    const text = await textOf(withState({ error }));
    expect(text).toMatch(
      /Withheld: Policy no-latest Deployment shop\/web an image must be named with a version and 2 more Release 2 keeps running/,
    );
    expect(text).toContain("have the Project or the Policy changed");
  });

  it("lists what Policies only warn of, and says nothing where they do not", async () => {
    expect(await textOf(withState({ warnings: findings(1) }))).toContain(
      "1 warning of Policies Policy no-latest",
    );
    expect(await textOf(withState({}))).not.toContain("of Policies");
  });

  it("escapes what a rule says", async () => {
    const html = await pageOf(withState({ warnings: findings(1, "<img src=x>") }));
    expect(html).toContain("&lt;img src=x&gt;");
  });

  it("links to the caller's other projects, and marks the one that is shown", async () => {
    const html = String(
      await fleetPage(busyFleet(), NOW, { project: "web", projects: ["default", "web"], refresh: true }),
    );
    expect(html).toContain('<a href="/?project=default">default</a>');
    expect(html).toContain('<a href="/?project=web" aria-current="page">web</a>');
    expect(await pageOf(busyFleet())).not.toContain('aria-label="Projects"');
  });
});
