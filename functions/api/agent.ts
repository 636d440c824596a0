/**
 * What agents ask: a small app of its own, apart from people's API. An idle poll reads one item, writes nothing
 * (but a due heartbeat) and is not logged.
 */
import { Hono, type Context, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { DIGEST_PATTERN } from "#core/digest.ts";
import { APIS_BODY_BYTES_MAX, REPORT_BODY_BYTES_MAX } from "#core/limits.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import {
  AGENT_PATHS,
  BEAT_HEADER,
  CONTENT_HEADER,
  holdRequestSchema,
  POLL_HEADER,
  PROTOCOL_VERSION,
  registerRequestSchema,
  registrationTokenSchema,
  reportRequestSchema,
  rotateRequestSchema,
  servedRequestSchema,
  type RegisterAnswer,
} from "#core/protocol.ts";
import type { Meter } from "../meter/meter.ts";
import type { ObjectStore } from "../objects/port.ts";
import { bundleKey } from "../release/content.ts";
import { putBeat, redeemToken, type Line } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getHub, type Hub } from "../store/hub.ts";
import { getAssignment } from "../store/placement.ts";
import type { Writer } from "../store/writer.ts";
import { answer, notFound, onError, type Log } from "./errors.ts";
import { kindOfAgents, metering } from "./metering.ts";
import { holdHub, proveAgent } from "./agent-proof.ts";
import { rotate } from "./agent-rotate.ts";
import { desiredFor } from "./desired.ts";
import { takeHold } from "./hold-told.ts";
import type { ProvenAgent } from "./request-identity.ts";
import { takeReport } from "./report.ts";
import { takeDocument, takeServed } from "./served.ts";
import { onlyRead } from "./only-read.ts";

export interface AgentApiDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  log: Log;
  meter?: Meter | undefined;
  /** Of a hub with several regions: elsewhere polls and bundles are answered, and nothing is taken. */
  writer?: Writer | undefined;
}

export function buildAgentApp(deps: AgentApiDeps): Hono {
  const app = new Hono();
  const hub = holdHub(deps);
  app.onError(onError(deps.log));
  if (deps.meter !== undefined) app.use(metering({ ...deps, meter: deps.meter }, kindOfAgents));
  app.notFound(notFound);
  app.use(onlyRead(deps.writer));
  const proven = (context: Context): Promise<ProvenAgent> => proveAgent(deps, hub, context);
  // Before the limit for all others, which they are above.
  for (const noun of ["apis", "schemas"] as const)
    app.put(AGENT_PATHS[noun](":digest"), limited(APIS_BODY_BYTES_MAX), async (context) => {
      const { line } = await proven(context);
      const digest = context.req.param("digest") ?? "";
      if (!DIGEST_PATTERN.test(digest)) throw new Problem("not-found", "this is no digest");
      await takeDocument(deps, line, { noun, digest }, new Uint8Array(await context.req.arrayBuffer()));
      return context.json({});
    });
  app.use(limited(REPORT_BODY_BYTES_MAX));
  app.post(AGENT_PATHS.register, async (context) =>
    context.json(await register(deps, await context.req.json())),
  );
  app.get(AGENT_PATHS.desired, async (context) => {
    const agent = await proven(context);
    return desired(deps, await hub.get(), context, agent);
  });
  app.get(AGENT_PATHS.bundle(":app"), async (context) => bundle(deps, context, (await proven(context)).line));
  app.post(AGENT_PATHS.report, async (context) => {
    const agent = await proven(context);
    const report = reportRequestSchema.parse(await context.req.json());
    checkProtocol(report.protocol);
    return context.json(await takeReport(deps, agent, report));
  });
  app.post(AGENT_PATHS.served, async (context) => {
    const { line } = await proven(context);
    const request = servedRequestSchema.parse(await context.req.json());
    checkProtocol(request.protocol);
    return context.json(await takeServed(deps, line, request));
  });
  app.post(AGENT_PATHS.hold, async (context) => {
    const { line } = await proven(context);
    const request = holdRequestSchema.parse(await context.req.json());
    checkProtocol(request.protocol);
    return context.json(await takeHold(deps, line, request));
  });
  app.post(AGENT_PATHS.rotate, async (context) => {
    const agent = await proven(context);
    const request = rotateRequestSchema.parse(await context.req.json());
    checkProtocol(request.protocol);
    return context.json(await rotate(deps, (await hub.get()).hub, agent, request));
  });
  return app;
}

function limited(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: (context) => answer(context, new Problem("too-large", `the limit is ${maxSize} bytes`)),
  });
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

async function desired(
  deps: AgentApiDeps,
  hub: Hub,
  context: Context,
  agent: ProvenAgent,
): Promise<Response> {
  const { etag, content, body } = await desiredFor(deps, hub, agent, {
    beat: context.req.header(BEAT_HEADER) === "1",
    etag: context.req.header("if-none-match"),
    content: context.req.header(CONTENT_HEADER),
    isCopy: async () => (await deps.writer?.fault()) !== undefined,
  });
  context.header("etag", etag);
  if (content !== undefined) context.header(CONTENT_HEADER, content);
  context.header(POLL_HEADER, String(agent.line.pollMs));
  return body === undefined ? context.body(null, 304) : context.json(body);
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
