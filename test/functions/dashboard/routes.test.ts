import { describe, expect, it } from "vitest";
import { dashboardRoutes } from "../../../functions/dashboard/routes.ts";
import { buildPage } from "./support.ts";
import { busyFleet } from "./fleet-fixture.ts";

describe("GET /", () => {
  it("answers the page under a policy that allows no script and no inline style", async () => {
    const answer = await buildPage().request("/");
    expect(answer.status).toBe(200);
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("style-src 'self'");
    expect(policy).not.toContain("unsafe");
    const html = await answer.text();
    expect(html).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=/);
    expect(html).toContain('<html lang="en">');
  });

  it("answers 304 without a body while nothing changed, and anew when something did", async () => {
    let view = busyFleet();
    const app = dashboardRoutes({ readFleet: async () => view, listProjects: async () => ["default"] });
    const tag = (await app.request("/")).headers.get("etag") ?? "";
    expect(tag).not.toBe("");
    const same = await app.request("/", { headers: { "if-none-match": tag } });
    expect(same.status).toBe(304);
    expect(await same.text()).toBe("");
    view = { ...view, clusters: view.clusters.slice(1) };
    expect((await app.request("/", { headers: { "if-none-match": tag } })).status).toBe(200);
  });

  it("refreshes itself unless asked not to", async () => {
    expect(await (await buildPage().request("/")).text()).toContain('http-equiv="refresh" content="5"');
    expect(await (await buildPage().request("/?refresh=off")).text()).not.toContain("http-equiv");
  });

  it("reads the named project, and refuses what is no name", async () => {
    const asked: string[] = [];
    const app = buildPage(asked);
    await app.request("/?project=web");
    await app.request("/");
    expect(asked).toEqual(["web", "default"]);
    expect((await app.request("/?project=A%2F..")).status).toBe(400);
    expect(asked).toHaveLength(2);
  });
});

describe("GET /static", () => {
  it("serves the style sheet and the icon that the page names", async () => {
    const html = await (await buildPage().request("/")).text();
    const paths = [...html.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(new Set(paths)).toEqual(new Set(["/static/style.css", "/static/icon.svg"]));
    for (const path of paths) expect((await buildPage().request(path)).status).toBe(200);
    expect((await buildPage().request("/static/style.css")).headers.get("content-type")).toContain(
      "text/css",
    );
  });

  it("serves nothing else", async () => {
    for (const path of ["/static/../page.ts", "/static/%2e%2e/page.ts", "/static/none.css"])
      expect((await buildPage().request(path)).status).toBe(404);
  });
});
