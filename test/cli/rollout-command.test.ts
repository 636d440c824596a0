import { describe, expect, it } from "vitest";
import { Problem } from "#core/problem.ts";
import { REASON_HEADER } from "#core/reason.ts";
import { rollout } from "../support/rollout.ts";
import { fairlead, fixtureHub } from "./support.ts";

const APP = {
  resource: {
    apiVersion: "fairlead.dev/v1",
    kind: "App",
    metadata: { name: "shop", project: "default" },
    spec: { source: "fleet", clusters: {} },
  },
  version: 1,
  deleting: false,
  state: { release: 4, rolling: 3, active: true, pinned: { release: 2, clusters: [] } },
};

function rolloutHub() {
  const asked: [string, string | undefined][] = [];
  const hub = fixtureHub();
  hub.get("/v1/projects/default/apps/shop", (context) => context.json(APP));
  hub.post("/v1/projects/default/apps/shop/rollouts/:release/:command", (context) => {
    if (context.req.param("command") === "approve")
      throw new Problem("conflict", "release 3 waits for no approval");
    asked.push([context.req.path.split("/").slice(-2).join(" "), context.req.header(REASON_HEADER)]);
    return context.json(rollout({ release: 3, state: { kind: "paused", by: "user:ada", at: 1 } }));
  });
  hub.get("/v1/projects/default/apps/shop/timelines/4", (context) =>
    context.json({
      items: [
        {
          version: 2,
          at: 0,
          stage: "canary",
          state: "paused",
          what: "paused by user:ada",
          by: "user:ada",
          why: "lunch",
        },
      ],
    }),
  );
  hub.get("/v1/projects/default/apps/shop/placements/eu-1/why", (context) =>
    context.json({ why: "shop on eu-1: still on release 3" }),
  );
  return { hub, asked };
}

describe("fairlead rollout", () => {
  it("tells the rollout in force, with the reason; unpin the one that pins", async () => {
    const { hub, asked } = rolloutHub();
    const ran = await fairlead(hub, ["rollout", "pause", "shop", "--reason", "lunch"]);
    expect(ran).toEqual({ code: 0, out: "", err: "release 3 of shop: paused by user:ada\n" });
    await fairlead(hub, ["rollout", "unpin", "shop"]);
    await fairlead(hub, ["rollout", "skip", "shop", "--release", "7"]);
    expect(asked.map(([what]) => what)).toEqual(["3 pause", "2 unpin", "7 skip-stage"]);
    expect(asked[0]?.[1]).toBeDefined();
  });

  it("passes on why the hub refuses", async () => {
    const ran = await fairlead(rolloutHub().hub, ["rollout", "approve", "shop"]);
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("waits for no approval")]);
  });

  it("tells what happened, and why a cluster is where it is", async () => {
    const { hub } = rolloutHub();
    expect((await fairlead(hub, ["rollout", "history", "shop"])).out).toMatch(
      /canary +paused by user:ada +user:ada +lunch/,
    );
    expect((await fairlead(hub, ["why", "shop", "eu-1"])).out).toBe("shop on eu-1: still on release 3\n");
  });
});
