import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Problem } from "#core/problem.ts";
import { busyFleet, fleet, placement } from "../functions/dashboard/fleet-fixture.ts";
import { fairlead, fixtureHub } from "./support.ts";

function fleetHub(view = busyFleet()) {
  const hub = fixtureHub();
  const shop = view.apps.find(({ app }) => app.resource.metadata.name === "shop");
  const base = "/v1/projects/default";
  hub.get(`${base}/fleet`, (context) => context.json(view));
  hub.get(`${base}/apps`, (context) => context.json({ items: view.apps.map(({ app }) => app) }));
  hub.get(`${base}/apps/shop`, (context) => context.json(shop?.app));
  for (const { app, releases, rollout, placements } of view.apps) {
    const at = `${base}/apps/${app.resource.metadata.name}`;
    hub.get(`${at}/releases`, (context) => context.json({ items: releases }));
    hub.get(`${at}/rollouts`, (context) => context.json({ items: rollout === undefined ? [] : [rollout] }));
    hub.get(`${at}/placements`, (context) => context.json({ items: placements }));
  }
  hub.get(`${base}/apps/shop/placements/:cluster`, (context) =>
    context.json(shop?.placements.find(({ cluster }) => cluster === context.req.param("cluster"))),
  );
  hub.get(`${base}/clusters`, (context) => context.json({ items: view.clusters }));
  hub.get(`${base}/sources`, (context) => context.json({ items: view.sources }));
  hub.get(`${base}/clusters/:name`, (context) => {
    throw new Problem("not-found", `there is no Cluster ${context.req.param("name")} in project default`);
  });
  return hub;
}

describe("fairlead get", () => {
  it("shows the whole fleet: the sentence, each App, then what wants a person", async () => {
    const { code, out } = await fairlead(fleetHub(), ["get"]);
    expect(code).toBe(0);
    const lines = out.split("\n");
    expect(lines[0]).toBe(
      "8 clusters: 4 healthy, 1 on the way to a release, 1 failing, 1 silent, 1 waiting for an agent.",
    );
    expect(out).toMatch(/^shop\s+3\s+halted\s+4 of 7\s+1\s+4f1c0de Raise the shop's replicas/m);
    expect(out).toContain(
      "! App base: commit c0dec0d made no release: apps/base/ingress.yaml:14: mapping values are not allowed here",
    );
    expect(out).toContain("! App shop on us-prod-1: failed: 1 of 4 objects failed");
    expect(out).toContain("! Source charts: unreachable: git.example.com does not answer within 30 s");
    expect(out).toContain("! Cluster ap-prod-1 is silent, last heard 50 min ago");
  });

  it("says what to do in an empty fleet, and leaves standard output to the sentence", async () => {
    const { code, out, err } = await fairlead(fleetHub(fleet()), ["get"]);
    expect([code, out.trim()]).toEqual([0, "No clusters yet."]);
    expect(err).toContain("fairlead apply -f app.yaml");
  });

  it("answers the hub's own data as JSON and YAML", async () => {
    const json = await fairlead(fleetHub(), ["get", "-o", "json"]);
    expect(JSON.parse(json.out)).toEqual(JSON.parse(JSON.stringify(busyFleet())));
    const yaml = await fairlead(fleetHub(), ["get", "clusters", "-o", "yaml"]);
    expect(parse(yaml.out)).toEqual(JSON.parse(JSON.stringify(busyFleet().clusters)));
  });
});

describe("fairlead get NOUN", () => {
  it.each([
    [
      "sources",
      /^fleet\s+https:\/\/git\.example\.com\/acme\/fleet\.git\s+main\s+read\s+4f1c0de Raise the shop's replicas for the sale \(Ada Byron\)\s+8 min ago$/m,
    ],
    [
      "apps",
      /^base\s+fleet\s+apps\/base\s+2\s+4f1c0de\s+failed\s+apps\/base\/ingress\.yaml:14: mapping values are not allowed here$/m,
    ],
    [
      "clusters",
      /^sim-dev-1\s+heard \(simulated\)\s+env=dev,region=sim\s+v1\.34\.4\s+fairlead-agent\/0\.1\.0\s+20 s ago$/m,
    ],
    [
      "releases",
      /^shop\s+2\s+c0dec0d\s+Move the shop to web 1\.4\.2\s+Grace H\.\s+commit\s+3\s+56 min ago$/m,
    ],
    ["rollouts", /^base\s+2\s+c0dec0d\s+succeeded\s+6 of 7\s+3 min ago$/m],
    ["placements", /^shop\s+ap-prod-1\s+assigned\s+2 -> 3\s+0\s+4 objects are healthy$/m],
  ])("prints %s as a table", async (noun, line) => {
    const { code, out } = await fairlead(fleetHub(), ["get", noun]);
    expect(code).toBe(0);
    expect(out).toMatch(line);
  });

  it("takes the singular, one App's things, and one placement with its detail", async () => {
    const { out } = await fairlead(fleetHub(), ["get", "release", "shop"]);
    expect(out).toContain("First version");
    expect(out).not.toContain("Ingress class");
    const one = await fairlead(fleetHub(), ["get", "placements", "shop", "us-prod-1", "-o", "json"]);
    expect(JSON.parse(one.out).detail.failures[0].object).toBe("Deployment shop/web");
  });

  it("ends with 1 and the hub's words for what there is not", async () => {
    const ran = await fairlead(fleetHub(), ["get", "clusters", "nope"]);
    expect(ran.code).toBe(1);
    expect(ran.err).toBe(
      "error: There is no such thing: there is no Cluster nope in project default\nfix: `fairlead get` shows what there is; --project names another project\n",
    );
  });

  it("ends with 2 and the nouns for a word it does not know", async () => {
    const ran = await fairlead(fleetHub(), ["get", "pods"]);
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining("take one of projects, sources, apps")]);
  });
});

describe("text from outside", () => {
  // What would break: a report could clear the operator's screen or forge lines of this tool's output.
  it("cannot move the cursor or start a line of its own", async () => {
    const message = "\u001B[2J\u001B[1;1Hall is well\nshop release 9 succeeded";
    const view = fleet({
      apps: [
        {
          app: busyFleet().apps[0]?.app,
          releases: [],
          placements: [placement("shop", "a", 3, { phase: "failed", message })],
        },
      ],
    });
    for (const argv of [["get"], ["get", "placements"]]) {
      const { out } = await fairlead(fleetHub(view), argv, { isTTY: false });
      expect(out).not.toContain("\u001B");
      expect(out).not.toMatch(/^shop release 9/m);
    }
  });

  it("is coloured by us on a terminal only, and not with NO_COLOR", async () => {
    const env = { FAIRLEAD_SERVER: "http://hub.test", FAIRLEAD_API_TOKEN: "api-token" };
    expect((await fairlead(fleetHub(), ["get"], { isTTY: true })).out).toContain("\u001B[31mhalted\u001B[0m");
    expect(
      (await fairlead(fleetHub(), ["get"], { isTTY: true, env: { ...env, NO_COLOR: "1" } })).out,
    ).not.toContain("\u001B");
  });
});

const meta = (kind: string, name: string) => ({ apiVersion: "fairlead.dev/v1", kind, metadata: { name } });
const policyView = {
  resource: {
    ...meta("Policy", "no-latest"),
    spec: {
      mode: "warn",
      apps: { matchLabels: { tier: "web" } },
      match: { kinds: ["Deployment"] },
      validations: [{ expression: "object.kind == 'X'", message: "name a version" }],
    },
  },
  version: 1,
};
const projectView = {
  resource: {
    ...meta("Project", "web"),
    spec: { namespaces: ["shop", "shop-*"], kinds: { deny: [{ group: "", kind: "Secret" }] } },
  },
  version: 3,
};

describe("fairlead get, Projects and Policies", () => {
  function hub(state: object = {}) {
    const fixture = fixtureHub();
    fixture.get("/v1/projects", (context) => context.json({ items: [projectView] }));
    fixture.get("/v1/projects/web", (context) => context.json(projectView));
    fixture.get("/v1/projects/default/policies", (context) => context.json({ items: [policyView] }));
    fixture.get("/v1/projects/default/policies/no-latest", (context) => context.json(policyView));
    const app = busyFleet().apps[0]?.app;
    fixture.get("/v1/projects/default/apps/shop", (context) =>
      context.json({ ...app, state: { release: 2, active: false, commit: "c".repeat(40), ...state } }),
    );
    return fixture;
  }

  it("prints what Projects limit and what Policies ask for", async () => {
    for (const argv of [
      ["get", "projects"],
      ["get", "project", "web"],
    ])
      expect((await fairlead(hub(), argv)).out).toMatch(
        /^web\s+\*\*\s+all\s+shop,shop-\*\s+all but Secret\s+0$/m,
      );
    const list = await fairlead(hub(), ["get", "policies"]);
    expect(list.out).toMatch(/^no-latest\s+warn\s+tier=web\s+Deployment \/ all \/ all\s+1$/m);
    expect(list.err).toBe("");
    const one = await fairlead(hub(), ["get", "policy", "no-latest"]);
    expect(one.err).toBe("name a version: object.kind == 'X'\n");
    expect(
      JSON.parse((await fairlead(hub(), ["get", "policy", "no-latest", "-o", "json"])).out).version,
    ).toBe(1);
  });

  it("tells of one App in whole what withholds it, and what Policies warn of", async () => {
    const found = { by: "Policy no-latest", object: "Deployment shop/web", message: "name a version" };
    const error = {
      commit: "c".repeat(40),
      message: "withheld: x (and 1 more)",
      findings: { total: 2, listed: [found] },
    };
    const withheld = await fairlead(hub({ error }), ["get", "app", "shop"]);
    expect(withheld.err).toBe(
      "withheld by Policy no-latest: Deployment shop/web: name a version\nand 1 more\n",
    );
    const warned = await fairlead(hub({ warnings: { total: 1, listed: [found] } }), ["get", "app", "shop"]);
    expect(warned.out).toContain("warning: Policy no-latest: Deployment shop/web: name a version");
    expect(warned.err).toBe("warning: Policy no-latest: Deployment shop/web: name a version\n");
  });
});
