/** Whether the process lives, and whether it could answer: for whatever starts, watches and stops it. Open to all. */
import { createRoute, z, type OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "#core/problem.ts";
import type { Db } from "../store/db.ts";
import { findHub } from "../store/hub.ts";
import type { ApiEnv } from "./caller.ts";
import type { Log } from "./errors.ts";
import { createApi, json, NOT_READY } from "./route.ts";

const okSchema = z.object({ ok: z.literal(true) });

const alive = createRoute({
  method: "get",
  path: "/healthz",
  summary: "The process is alive",
  security: [],
  responses: { 200: json(okSchema, "It is") },
});
const ready = createRoute({
  method: "get",
  path: "/readyz",
  summary: "The hub is open and its table answers",
  security: [],
  responses: { 200: json(okSchema, "Both"), 503: NOT_READY },
});

export function healthRoutes({ db, log }: { db: Db; log: Log }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(alive, (context) => context.json({ ok: true as const }, 200));
  routes.openapi(ready, async (context) => {
    if ((await isOpen(db, log)) === "open") return context.json({ ok: true as const }, 200);
    throw new Problem(
      "not-ready",
      "the table does not answer, or the hub was never opened; its log says which",
    );
  });
  return routes;
}

async function isOpen(db: Db, log: Log): Promise<"open" | "closed"> {
  try {
    return (await findHub(db)) === undefined ? "closed" : "open";
  } catch (error) {
    log({ level: "error", route: "/readyz", error: String(error) });
    return "closed";
  }
}
