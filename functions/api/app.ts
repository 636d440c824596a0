/**
 * People's API, `/v1`: parse, authorise, call, answer. Everything that proves who asks happens before a route is
 * reached; a refused request writes nothing.
 */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { APPLY_BODY_BYTES_MAX } from "#core/limits.ts";
import { Problem } from "#core/problem.ts";
import { dashboardRoutes } from "../dashboard/routes.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { appRoutes } from "./apps.ts";
import { applyRoutes } from "./apply.ts";
import { requireToken } from "./auth.ts";
import { clusterRoutes } from "./clusters.ts";
import { answer, notFound, onError, type Log } from "./errors.ts";
import { readFleet } from "./fleet.ts";
import { sourceRoutes } from "./sources.ts";

export interface ApiDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  log: Log;
  /** SHA-256 of the one API token. */
  tokenSha256: string;
  /** Where agents reach this hub; stands in registration tokens. */
  hubUrl: string;
}

export function buildApp(deps: ApiDeps): Hono {
  const app = new Hono();
  app.onError(onError(deps.log));
  app.notFound(notFound);
  app.get("/healthz", (context) => context.json({ ok: true }));
  app.use(
    bodyLimit({
      maxSize: APPLY_BODY_BYTES_MAX,
      onError: (context) =>
        answer(context, new Problem("too-large", `the limit is ${APPLY_BODY_BYTES_MAX} bytes`)),
    }),
  );
  app.use(requireToken(deps.tokenSha256));
  app.route("/v1", applyRoutes(deps));
  app.route("/v1/projects/:project", sourceRoutes(deps));
  app.route("/v1/projects/:project", appRoutes(deps));
  app.route("/v1/projects/:project", clusterRoutes(deps));
  app.get("/v1/projects/:project/fleet", async (context) =>
    context.json(await readFleet(deps, context.req.param("project"))),
  );
  app.route("/", dashboardRoutes({ readFleet: (project) => readFleet(deps, project) }));
  return app;
}
