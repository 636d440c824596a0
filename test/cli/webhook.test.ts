/** `fairlead webhook`: the address alone on standard output, so that a script can use it; words beside it. */
import { describe, expect, it } from "vitest";
import { source } from "../functions/dashboard/fleet-fixture.ts";
import { fairlead, fixtureHub, SERVER } from "./support.ts";

function hubWith(webhook: string | undefined) {
  const hub = fixtureHub();
  const { resource, ...view } = source("fleet");
  const spec = { ...resource.spec, ...(webhook === undefined ? {} : { webhook }) };
  hub.get("/v1/projects/default/sources/:name", (context) =>
    context.json({ ...view, resource: { ...resource, spec } }),
  );
  return hub;
}

describe("fairlead webhook", () => {
  it("prints the address, and tells what to choose where", async () => {
    const ran = await fairlead(hubWith("hook"), ["webhook", "fleet"]);
    expect([ran.code, ran.out]).toEqual([0, `${SERVER}/v1/webhooks/default/fleet\n`]);
    expect(ran.err).toMatch(/credential hook of project default[^]*GitHub[^]*GitLab[^]*Bitbucket[^]*Gitea/);
  });

  it("says what is missing where the Source takes none", async () => {
    const ran = await fairlead(hubWith(undefined), ["webhook", "fleet"]);
    expect([ran.code, ran.out, ran.err]).toEqual([
      1,
      "",
      expect.stringContaining("fairlead credentials set NAME --webhook"),
    ]);
  });
});
