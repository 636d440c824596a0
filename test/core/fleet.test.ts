import { describe, expect, it } from "vitest";
import { clusterViewSchema } from "#core/view.ts";
import {
  appStanding,
  clusterCondition,
  doneOf,
  errorPlace,
  fleetSentence,
  placementStanding,
} from "#core/fleet.ts";
import {
  app,
  busyFleet,
  cluster,
  fleet,
  placement,
  release,
  rollout,
} from "../functions/dashboard/fleet-fixture.ts";

/** One App as the API answers it, from parts of it. */
function one(parts: object) {
  const parsed = fleet({ apps: [{ app: app("shop"), releases: [], placements: [], ...parts }] }).apps[0];
  if (parsed === undefined) throw new Error("the fixture holds no App");
  return parsed;
}

const placementOf = (value: unknown) =>
  one({ placements: [value] }).placements[0] ?? { project: "", app: "", cluster: "" };

describe("placementStanding", () => {
  it("takes the report's phase for the assigned generation", () => {
    expect(placementStanding(placementOf(placement("shop", "a", 3)))).toEqual({
      word: "healthy",
      tone: "good",
    });
    expect(placementStanding(placementOf(placement("shop", "a", 3, { phase: "refused" }))).tone).toBe("bad");
  });

  // What would break: a cluster would count as done on the strength of what it said about the release before.
  it("ignores a healthy report of an older generation or another epoch", () => {
    for (const stale of [{ generation: 2 }, { epoch: 0 }])
      expect(placementStanding(placementOf(placement("shop", "a", 3, stale)))).toEqual({
        word: "assigned",
        tone: "busy",
      });
  });
});

describe("doneOf", () => {
  it("counts healthy clusters of this release behind a slow first one", () => {
    const placements = [
      placement("shop", "a", 3, { phase: "progressing" }),
      placement("shop", "b", 3),
      placement("shop", "c", 2),
    ];
    const shop = one({ rollout: rollout("shop", 3, 3, 0), placements });
    expect(shop.rollout && doneOf(shop.rollout, shop.placements)).toBe(1);
  });

  it("leaves silent clusters out of a rollout that succeeded", () => {
    const shop = one({ rollout: rollout("shop", 3, 3, 3, { kind: "succeeded", at: 1, silent: 1 }) });
    expect(shop.rollout && doneOf(shop.rollout, [])).toBe(2);
  });
});

describe("appStanding", () => {
  it("lets the newest commit's error outweigh the rollout of the release before it", () => {
    const parts = {
      releases: [release("shop", 3, "x")],
      rollout: rollout("shop", 3, 1, 1, { kind: "succeeded", at: 1, silent: 0 }),
    };
    expect(appStanding(one(parts)).word).toBe("succeeded");
    expect(
      appStanding(one({ ...parts, app: app("shop", { error: { commit: "c", message: "m" } }) })).word,
    ).toBe("failed");
  });

  it("is pending while the newest release has no rollout", () => {
    expect(
      appStanding(one({ releases: [release("shop", 4, "x")], rollout: rollout("shop", 3, 1, 1) })).word,
    ).toBe("pending");
  });
});

describe("clusterCondition", () => {
  it("counts a cluster once, by the worst that holds", () => {
    const view = (rest: object) => clusterViewSchema.parse(cluster("a", {}, rest));
    const failed = placementOf(placement("shop", "a", 3, { phase: "failed" }));
    const healthy = placementOf(placement("base", "a", 3));
    expect(clusterCondition(view({ registered: false, silent: true }), [failed])).toBe("unregistered");
    expect(clusterCondition(view({ silent: true }), [failed])).toBe("silent");
    expect(clusterCondition(view({}), [healthy, failed])).toBe("failing");
    expect(clusterCondition(view({}), [healthy])).toBe("healthy");
  });
});

describe("fleetSentence", () => {
  it("leaves zeros out and knows one cluster from several", () => {
    expect(fleetSentence(fleet())).toBe("No clusters yet.");
    expect(fleetSentence(fleet({ clusters: [cluster("a")] }))).toBe("1 cluster: 1 healthy.");
    expect(fleetSentence(busyFleet())).toMatch(/^8 clusters: 4 healthy, /);
  });
});

describe("errorPlace", () => {
  it("names file, line and object as far as they are known", () => {
    expect(errorPlace({ file: "a.yaml", line: 3, object: "Deployment shop/web" })).toBe(
      "a.yaml:3, Deployment shop/web",
    );
    expect(errorPlace({ object: "Deployment shop/web" })).toBe("Deployment shop/web");
    expect(errorPlace({})).toBe("");
  });
});
