import { describe, expect, it } from "vitest";
import { NOW } from "../functions/dashboard/fleet-fixture.ts";
import { fairlead, fixtureHub } from "./support.ts";

function holdHub(own?: { until: number; reason: string }) {
  const asked: unknown[] = [];
  const hub = fixtureHub();
  hub.post("/v1/projects/default/clusters/eu-1/hold", async (context) => {
    const person: unknown = await context.req.json();
    asked.push(person);
    return context.json({ person });
  });
  hub.post("/v1/projects/default/clusters/eu-1/release-hold", (context) =>
    context.json(own === undefined ? {} : { agent: { all: own, apps: {} } }),
  );
  return { hub, asked };
}
const hold = (...more: string[]) => ["cluster", "hold", "eu-1", ...more];

describe("fairlead cluster hold", () => {
  it("holds for a time, or until a time, with the reason, and says how it is lifted", async () => {
    const { hub, asked } = holdHub();
    const ran = await fairlead(hub, hold("--until", "2h", "--reason", "payday"));
    expect([ran.code, ran.out]).toEqual([0, ""]);
    expect(ran.err).toMatch(/cluster eu-1 is held until .* UTC: payday.*fairlead cluster release-hold eu-1/);
    await fairlead(hub, hold("--until", "2026-11-22T06:00:00+01:00", "--reason", "payday"));
    expect(asked).toEqual([
      { until: NOW + 7_200_000, reason: "payday" },
      { until: Date.parse("2026-11-22T05:00:00Z"), reason: "payday" },
    ]);
  });

  it.each([
    [["--until", "2h"], "--reason"],
    [["--until", "tomorrow", "--reason", "x"], "write 2h, 3d, or 2026-11-22T06:00:00Z"],
    [["--until", "31d", "--reason", "x"], "up to 30 days"],
    [["--reason", "x"], "until"],
  ])("asks nothing with %j, and says the fix", async (flags, words) => {
    const { hub, asked } = holdHub();
    const ran = await fairlead(hub, hold(...flags));
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(words)]);
    expect(asked).toEqual([]);
  });
});

describe("fairlead cluster release-hold", () => {
  it("says what still holds it", async () => {
    const lift = ["cluster", "release-hold", "eu-1"];
    expect((await fairlead(holdHub().hub, lift)).err).toBe("cluster eu-1 is not held by a person any more\n");
    const own = { until: NOW, reason: "batch run" };
    expect((await fairlead(holdHub(own).hub, lift)).err).toContain(
      "the cluster itself still asks to be held",
    );
  });
});
