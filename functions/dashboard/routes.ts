/**
 * The page's routes; who may read is decided before they are reached. No script, no inline style, nothing from
 * elsewhere: the policy says so, and the page needs none of it.
 */
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { etag } from "hono/etag";
import { DEFAULT_PROJECT, nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import type { FleetView } from "#core/view.ts";
import type { ApiContext, ApiEnv } from "../api/caller.ts";
import { pageHeaders } from "./headers.ts";
import { fleetPage } from "./page.ts";

interface Deps {
  /** What the caller may read; throws where that is nothing. */
  readFleet: (project: string, context: ApiContext) => Promise<FleetView>;
  /** Names of the Projects that the caller may read. */
  listProjects: (context: ApiContext) => Promise<readonly string[]>;
}

const STATIC = { "style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml" } as const;

export function dashboardRoutes({ readFleet, listProjects }: Deps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  // Answered before the body is sent: an unchanged page costs a few hundred bytes.
  for (const path of ["/", "/static/*"])
    routes.use(path, etag({ weak: true }), pageHeaders({ hasForms: false }));
  routes.get("/", async (context) => {
    const projects = await listProjects(context);
    const project = projectOf(context.req.query("project"), projects);
    const view = await readFleet(project, context);
    context.header("cache-control", "private, no-cache");
    const refresh = context.req.query("refresh") !== "off";
    return context.html(fleetPage(view, view.at, { project, projects, refresh }));
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

/** Nobody is sent to a project that they may not read, unless they asked for it. */
function projectOf(asked: string | undefined, readable: readonly string[]): string {
  const first = readable.includes(DEFAULT_PROJECT) ? DEFAULT_PROJECT : readable[0];
  if (asked === undefined && first === undefined)
    throw new Problem(
      "forbidden",
      "you have no role in any project yet: ask an admin for one, see docs/access.md",
    );
  const name = nameSchema.safeParse(asked ?? first);
  if (!name.success)
    throw new Problem("invalid-request", `project: ${name.error.issues[0]?.message ?? "is no name"}`);
  return name.data;
}
