/**
 * What agents ask: a small app of its own, apart from people's API. An idle poll reads one item, writes nothing
 * (but a due heartbeat) and is not logged.
 */
import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { REPORT_BODY_BYTES_MAX } from "#core/limits.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import {
  AGENT_PATHS,
  BEAT_HEADER,
  POLL_HEADER,
  PROTOCOL_VERSION,
  registerRequestSchema,
  registrationTokenSchema,
  reportRequestSchema,
  TIME_HEADER,
  type DesiredAnswer,
  type RegisterAnswer,
} from "#core/protocol.ts";
import type { ObjectStore } from "../objects/port.ts";
import { bundleKey } from "../release/content.ts";
import { putBeat, redeemToken, type Line } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getHub, type Hub } from "../store/hub.ts";
import { getAssignment, listAssignments } from "../store/placement.ts";
import { answer, notFound, onError, type Log } from "./errors.ts";
import { identify } from "./request-identity.ts";
import { takeReport } from "./report.ts";

export interface AgentApiDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  log: Log;
}

/** The charter changes rarely; a poll must not read it. */
const HUB_TTL_MS = 30_000;

export function buildAgentApp(deps: AgentApiDeps): Hono {
  const app = new Hono();
  const hub = cachedHub(deps);
  app.onError(onError(deps.log));
  app.notFound(notFound);
  app.use(
    bodyLimit({
      maxSize: REPORT_BODY_BYTES_MAX,
      onError: (context) =>
        answer(context, new Problem("too-large", `the limit is ${REPORT_BODY_BYTES_MAX} bytes`)),
    }),
  );
  app.post(AGENT_PATHS.register, async (context) =>
    context.json(await register(deps, await context.req.json())),
  );
  app.get(AGENT_PATHS.desired, async (context) =>
    desired(deps, await hub(), context, await agentOf(deps, await hub(), context)),
  );
  app.get(AGENT_PATHS.bundle(":app"), async (context) =>
    bundle(deps, context, await agentOf(deps, await hub(), context)),
  );
  app.post(AGENT_PATHS.report, async (context) => {
    const line = await agentOf(deps, await hub(), context);
    const report = reportRequestSchema.parse(await context.req.json());
    checkProtocol(report.protocol);
    return context.json(await takeReport(deps, line, report));
  });
  return app;
}

function cachedHub(deps: AgentApiDeps): () => Promise<Hub> {
  let held: { hub: Hub; at: number } | undefined;
  return async () => {
    if (held === undefined || deps.now() - held.at > HUB_TTL_MS)
      held = { hub: await getHub(deps.db), at: deps.now() };
    return held.hub;
  };
}

function checkProtocol(protocol: number): void {
  if (protocol < PROTOCOL_VERSION)
    throw new Problem(
      "agent-too-old",
      `protocol ${protocol} is not spoken any more, ${PROTOCOL_VERSION} is: upgrade the agent`,
    );
}

async function register(deps: AgentApiDeps, body: unknown): Promise<RegisterAnswer> {
  const request = registerRequestSchema.parse(body);
  checkProtocol(request.protocol);
  const hub = await getHub(deps.db);
  const token = readToken(request.token);
  if (token.hub !== hub.hub) throw new Problem("unauthenticated", "the token is of another hub");
  const redeemed = await redeemToken(deps.db, token.secret, request.key, deps.now());
  if (redeemed.kind === "refused") throw new Problem("unauthenticated", redeemed.message);
  const { project, cluster } = redeemed;
  await putBeat(deps.db, project, cluster, deps.now(), {
    agent: request.agent,
    kubernetes: request.kubernetes,
  });
  return { project, cluster, recoveryKey: hub.recoveryKey, charter: hub.charter };
}

function readToken(text: string) {
  try {
    return registrationTokenSchema.parse(
      JSON.parse(Buffer.from(text.replace(/^fl1\./, ""), "base64url").toString()),
    );
  } catch {
    throw new Problem("unauthenticated", "the token cannot be read");
  }
}

async function agentOf(deps: AgentApiDeps, hub: Hub, context: Context): Promise<Line> {
  const body =
    context.req.method === "GET" ? new Uint8Array() : new Uint8Array(await context.req.arrayBuffer());
  const { method, path } = context.req;
  const identified = await identify(
    deps.db,
    hub.hub,
    { authorization: context.req.header("authorization"), method, path, body },
    deps.now(),
  );
  if (identified.kind === "agent") return identified.line;
  if (identified.kind === "clock") context.header(TIME_HEADER, String(deps.now()));
  throw new Problem("unauthenticated", identified.message);
}

async function desired(deps: AgentApiDeps, hub: Hub, context: Context, line: Line): Promise<Response> {
  const { project, cluster, pollMs } = line;
  if (context.req.header(BEAT_HEADER) === "1") await putBeat(deps.db, project, cluster, deps.now());
  // Read before the assignments: an older tag only costs one more fetch, a newer one would hide an assignment.
  const etag = `"${hub.serial}.${line.desired}"`;
  context.header("etag", etag);
  context.header(POLL_HEADER, String(pollMs));
  if (context.req.header("if-none-match") === etag) return context.body(null, 304);
  const assignments = await listAssignments(deps.db, project, cluster);
  const body: DesiredAnswer = {
    charter: hub.charter,
    pollMs,
    assignments: assignments.map(({ app, statement }) => ({ app, statement })),
  };
  return context.json(body);
}

/** Only a bundle that is assigned to the asking cluster now. */
async function bundle(deps: AgentApiDeps, context: Context, line: Line): Promise<Response> {
  const app = nameSchema.parse(context.req.param("app"));
  const assignment = await getAssignment(deps.db, line.project, line.cluster, app);
  const key = assignment?.bundle === undefined ? undefined : bundleKey(assignment.bundle);
  const bytes = key === undefined ? undefined : await deps.objects.get(key);
  if (bytes === undefined)
    throw new Problem("not-found", `no bundle of App ${app} is assigned to this cluster`);
  return context.body(new Uint8Array(bytes), 200, {
    "content-type": "application/json",
    "content-encoding": "gzip",
  });
}
