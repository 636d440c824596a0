/**
 * People's API, `/v1`: parse, authorise, call, answer. Everything that proves who asks happens before a route is
 * reached; a refused request writes nothing.
 */
import type { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { noteDenials, type Denials } from "../audit-log/denials.ts";
import { dashboardRoutes } from "../dashboard/routes.ts";
import type { OidcConfig } from "../identity/oidc-config.ts";
import type { Meter } from "../meter/meter.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Planner } from "../plan/port.ts";
import type { Outbound } from "../outbound/port.ts";
import type { SecretStore } from "../secrets/port.ts";
import type { Db } from "../store/db.ts";
import type { Writer } from "../store/writer.ts";
import { agentKeyRoutes } from "./agent-keys.ts";
import { appRoutes } from "./apps.ts";
import { applyRoutes } from "./apply.ts";
import { auditLogRoutes } from "./audit-log.ts";
import { createIdentity, identifyCaller } from "./auth.ts";
import { clusterRoutes } from "./clusters.ts";
import type { ApiEnv } from "./caller.ts";
import { conditional } from "./conditional.ts";
import { credentialRoutes } from "./credentials.ts";
import { driftAuditRoutes } from "./drift-audits.ts";
import { notFound, onError, onMethodNotAllowed, type Log } from "./errors.ts";
import { fleetFor, fleetRoutes } from "./fleet.ts";
import { healthRoutes } from "./health.ts";
import { holdRoutes } from "./holds.ts";
import { hubRoutes } from "./hub.ts";
import { API_LIMITS, bodyLimits, timeLimit, type ApiLimits } from "./limits.ts";
import { openApiDocument } from "./openapi.ts";
import { onlyRead } from "./only-read.ts";
import { createPages } from "./pages.ts";
import { meterRoutes } from "./meter.ts";
import { metering } from "./metering.ts";
import { placementRoutes } from "./placements.ts";
import { planRoutes } from "./plans.ts";
import { policyRoutes } from "./policies.ts";
import { projectNamesFor, projectRoutes } from "./projects.ts";
import { promotionRoutes } from "./promotions.ts";
import { limitAddress, limitCaller } from "./rates.ts";
import { releaseRoutes } from "./releases.ts";
import { isAgain, traced } from "./request.ts";
import { rolloutRoutes } from "./rollouts.ts";
import { createApi } from "./route.ts";
import { scanRoutes } from "./scans.ts";
import { loginRoutes } from "./login.ts";
import { sourceRoutes } from "./sources.ts";
import { tokenRoutes } from "./tokens.ts";
import { webhookRoutes } from "./webhooks.ts";
import { whoamiRoutes } from "./whoami.ts";
import { watch } from "./watch.ts";

export interface ApiDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  log: Log;
  outbound: Outbound;
  secrets: SecretStore;
  planner: Planner;
  /** Where agents reach this hub; stands in registration tokens. */
  hubUrl: string;
  /** Where browsers reach this hub, when that is a domain of its own. */
  pageUrl?: string | undefined;
  /** People's identity provider. */
  oidc?: OidcConfig | undefined;
  /** Requests may wait for a change: only where an open connection costs nothing. */
  longPoll?: boolean;
  limits?: Partial<ApiLimits>;
  /** Of a hub with several regions: elsewhere people may read, and take over. */
  writer?: Writer | undefined;
  /** Told of refusals, where a process lasts long enough to bring them to the audit log. */
  denials?: Denials;
  /** Counts what this process uses. */
  meter?: Meter | undefined;
}

/** A plan changes nothing; a charter says itself which region writes. */
const PLAN = /^\/v1\/projects\/[^/]+\/apps\/[^/]+\/plan$/;
const CHARTER = /^\/v1\/hub\/charter$/;

export function buildApp(deps: ApiDeps): Hono<ApiEnv> {
  const app = createApi();
  app.onError(onError(deps.log));
  app.notFound(notFound);
  const limits = { ...API_LIMITS, ...deps.limits };
  if (deps.meter !== undefined)
    app.use(
      metering<ApiEnv>(
        { ...deps, meter: deps.meter },
        () => "people",
        (context) => !isAgain(context),
      ),
    );
  const parts = { ...deps, pages: createPages(deps.db) };
  app.use(traced(deps), timeLimit(limits), limitAddress(limits, deps.now), bodyLimits());
  // Open to all.
  app.route("/", healthRoutes(deps));
  app.get("/openapi.json", openApiDocument(app));
  const identity = createIdentity(deps);
  app.route("/", loginRoutes(identity));
  app.route("/v1", webhookRoutes(deps));
  app.use(identifyCaller(identity));
  if (deps.denials !== undefined) app.use(noteDenials(deps.denials));
  app.use(onlyRead(deps.writer, PLAN, CHARTER));
  app.use(limitCaller(limits, deps.now));
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  if (deps.longPoll === true) app.use("/v1/*", watch(app, limits));
  app.use("/v1/*", conditional());
  app.route("/v1", whoamiRoutes(deps));
  app.route("/v1", tokenRoutes(parts));
  app.route("/v1", applyRoutes(deps));
  app.route("/v1", projectRoutes(parts));
  app.route("/v1", sourceRoutes(parts));
  app.route("/v1", credentialRoutes(parts));
  app.route("/v1", appRoutes(parts));
  app.route("/v1", planRoutes(deps));
  app.route("/v1", releaseRoutes(parts));
  app.route("/v1", scanRoutes(deps));
  app.route("/v1", rolloutRoutes(parts));
  app.route("/v1", placementRoutes(parts));
  app.route("/v1", clusterRoutes(parts));
  app.route("/v1", agentKeyRoutes(deps));
  app.route("/v1", holdRoutes(deps));
  app.route("/v1", hubRoutes(deps));
  app.route("/v1", meterRoutes(deps));
  app.route("/v1", policyRoutes(parts));
  app.route("/v1", promotionRoutes(parts));
  app.route("/v1", driftAuditRoutes(parts));
  app.route("/v1", auditLogRoutes(parts));
  app.route("/v1", fleetRoutes(parts));
  app.route(
    "/",
    dashboardRoutes({
      readFleet: (project, context) => fleetFor(deps, context, project),
      listProjects: (context) => projectNamesFor(deps.db, context),
    }),
  );
  return app;
}
