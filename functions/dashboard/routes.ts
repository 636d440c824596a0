/**
 * The page's routes; who may read is decided before they are reached. No script, no inline style, nothing from
 * elsewhere: the policy says so, and the page needs none of it.
 */
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { etag } from "hono/etag";
import { secureHeaders } from "hono/secure-headers";
import { DEFAULT_PROJECT, nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import type { FleetView } from "#core/view.ts";
import { fleetPage } from "./page.ts";

interface Deps {
  readFleet: (project: string) => Promise<FleetView>;
}

const STATIC = { "style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml" } as const;

export function dashboardRoutes({ readFleet }: Deps): Hono {
  const routes = new Hono();
  // Answered before the body is sent: an unchanged page costs a few hundred bytes.
  for (const path of ["/", "/static/*"]) routes.use(path, etag({ weak: true }), headers());
  routes.get("/", async (context) => {
    const project = projectOf(context.req.query("project"));
    const view = await readFleet(project);
    context.header("cache-control", "private, no-cache");
    return context.html(
      fleetPage(view, view.at, { project, refresh: context.req.query("refresh") !== "off" }),
    );
  });
  for (const [name, type] of Object.entries(STATIC)) {
    routes.get(`/static/${name}`, async (context) => {
      // Read when asked, so a bundle that carries no page needs no files beside it.
      const text = await readFile(new URL(`./static/${name}`, import.meta.url), "utf8");
      return context.body(text, 200, { "content-type": type, "cache-control": "private, no-cache" });
    });
  }
  return routes;
}

function projectOf(asked: string | undefined): string {
  const name = nameSchema.safeParse(asked ?? DEFAULT_PROJECT);
  if (!name.success)
    throw new Problem("invalid-request", `project: ${name.error.issues[0]?.message ?? "is no name"}`);
  return name.data;
}

function headers() {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    referrerPolicy: "no-referrer",
    // The local hub speaks plain HTTP on loopback; elsewhere the gateway in front says this.
    strictTransportSecurity: false,
  });
}
