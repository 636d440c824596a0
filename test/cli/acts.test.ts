import { describe, expect, it } from "vitest";
import { Problem } from "#core/problem.ts";
import { audit as auditFixture, readState, source } from "../functions/dashboard/fleet-fixture.ts";
import { fairlead, fixtureHub } from "./support.ts";

describe("fairlead delete", () => {
  const deletingHub = () => {
    const deleted: string[] = [];
    const hub = fixtureHub();
    hub.delete("/v1/projects/default/apps/:name", (context) => {
      deleted.push(context.req.path);
      return context.json({ deleting: true }, 202);
    });
    hub.delete("/v1/projects/default/sources/:name", () => {
      throw new Problem("in-use", "Apps use Source fleet: shop; delete them first");
    });
    hub.delete("/v1/projects/default/clusters/:name", (context) => {
      deleted.push(context.req.path);
      return context.body(null, 204);
    });
    return { hub, deleted };
  };

  it("says that an App leaves its clusters first, and that a Cluster is gone", async () => {
    const { hub, deleted } = deletingHub();
    const app = await fairlead(hub, ["delete", "app", "shop"]);
    expect([app.code, app.out]).toEqual([0, "App shop leaving\n"]);
    expect(app.err).toContain("fairlead get placements shop");
    expect(await fairlead(hub, ["delete", "Clusters", "eu-1"])).toEqual({
      code: 0,
      out: "Cluster eu-1 deleted\n",
      err: "",
    });
    expect(deleted).toEqual(["/v1/projects/default/apps/shop", "/v1/projects/default/clusters/eu-1"]);
  });

  it("passes on why the hub refuses", async () => {
    const ran = await fairlead(deletingHub().hub, ["delete", "source", "fleet"]);
    expect([ran.code, ran.err]).toEqual([
      1,
      expect.stringContaining("Apps use Source fleet: shop; delete them first"),
    ]);
  });

  // What would break: a name with slashes would delete something else than what was named.
  it("keeps a hostile name inside its path segment", async () => {
    const { hub, deleted } = deletingHub();
    const ran = await fairlead(hub, ["delete", "app", "../clusters/eu-1"]);
    expect(ran.code).toBe(0);
    expect(deleted).toEqual(["/v1/projects/default/apps/..%2Fclusters%2Feu-1"]);
  });

  it("knows the kinds", async () => {
    const ran = await fairlead(deletingHub().hub, ["delete", "release", "3"]);
    expect([ran.code, ran.err]).toEqual([
      2,
      expect.stringContaining("take source, app, cluster, policy, promotion or project"),
    ]);
  });
});

describe("fairlead sync", () => {
  const syncHub = (state?: object) => {
    const hub = fixtureHub();
    hub.post("/v1/projects/default/sources/fleet/sync", (context) => context.json({}, 202));
    hub.get("/v1/projects/default/sources/fleet", (context) => context.json(source("fleet", state)));
    return hub;
  };

  it("prints where the ref stands after the look", async () => {
    expect(await fairlead(syncHub(readState), ["sync", "fleet"])).toEqual({
      code: 0,
      out: "Source fleet is at 4f1c0de Raise the shop's replicas for the sale\n",
      err: "",
    });
  });

  it("ends with 1 and the reason when the repository cannot be read", async () => {
    const ran = await fairlead(
      syncHub({ kind: "failed", code: "unreachable", message: "no answer within 30 s", at: 1 }),
      ["sync", "fleet"],
    );
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("unreachable: no answer within 30 s")]);
  });
});

describe("fairlead audit", () => {
  const auditHub = (audit?: unknown) => {
    const hub = fixtureHub();
    hub.get("/v1/projects/default/drift-audits/newest", (context) => {
      if (audit === undefined) throw new Problem("not-found", "there is no drift audit yet");
      return context.json(audit as object);
    });
    return hub;
  };

  it("reports drift field by field, silent clusters and what is off its release", async () => {
    const { code, out } = await fairlead(auditHub(auditFixture), ["audit"]);
    expect(code).toBe(0);
    expect(out).toContain("Drift audit of project default, slot 2026-11-21T11:55:00.000Z (taken 5 min ago)");
    expect(out).toContain(
      "8 clusters, 14 placements: 1 objects drifted, 1 clusters silent, 1 placements off their release",
    );
    expect(out).toMatch(
      /^shop\s+eu-prod-1\s+Deployment shop\/web\s+\/spec\/replicas\s+3 -> 9\s+kubectl-edit\s+yes$/m,
    );
    expect(out).toMatch(/^ap-prod-1\s+50 min ago$/m);
    expect(out).toMatch(/^shop\s+us-prod-1\s+2\s+3\s+failed: /m);
  });

  it("says when all is as Git says, and shows no empty section", async () => {
    const { out } = await fairlead(auditHub({ ...auditFixture, drifted: [], silent: [], offRelease: [] }), [
      "audit",
    ]);
    expect(out).toContain("all as Git says");
    expect(out.trim().split("\n")).toHaveLength(2);
  });

  it("says that there is none yet, with what to do", async () => {
    const ran = await fairlead(auditHub(), ["audit"]);
    expect(ran).toEqual({
      code: 1,
      out: "",
      err: "error: project default has no drift audit yet\nfix: wait for the next slot: the hub writes one each\n",
    });
  });

  it("is data with -o json", async () => {
    expect(JSON.parse((await fairlead(auditHub(auditFixture), ["audit", "-o", "json"])).out)).toEqual(
      auditFixture,
    );
  });
});
