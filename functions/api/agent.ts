/**
 * What agents ask: a small app of its own, apart from people's API. An idle poll reads one item, writes nothing
 * (but a due heartbeat) and is not logged; nor is anything loaded for it that only other requests need.
 */
import { Hono, type Context, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { AGENT_PATHS, BEAT_HEADER, CONTENT_HEADER, POLL_HEADER } from "#core/agent-api.ts";
import { APIS_BODY_BYTES_MAX, REPORT_BODY_BYTES_MAX } from "#core/limits.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import type { Meter } from "../meter/meter.ts";
import type { ObjectStore } from "../objects/port.ts";
import { bundleKey } from "../release/content-key.ts";
import { getAssignment } from "../store/assignment.ts";
import type { Db } from "../store/db.ts";
import type { Hub } from "../store/hub.ts";
import type { Line } from "../store/line.ts";
import type { Writer } from "../store/writer.ts";
import { holdHub, proveAgent } from "./agent-proof.ts";
import { desiredFor } from "./desired.ts";
import { answer, notFound, onError, type Log } from "./errors.ts";
import { kindOfAgents, metering } from "./metering.ts";
import { onlyRead } from "./only-read.ts";
import type { ProvenAgent } from "./request-identity.ts";

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
  const tells = () => import("./agent-told.ts");
  const telling = { ...deps, hub };
  // Before the limit for all others, which they are above.
  for (const noun of ["apis", "schemas"] as const)
    app.put(AGENT_PATHS[noun](":digest"), limited(APIS_BODY_BYTES_MAX), async (context) => {
      const agent = await proven(context);
      const { toldDocument } = await tells();
      const document = { noun, digest: context.req.param("digest") ?? "" };
      await toldDocument(telling, agent, document, new Uint8Array(await context.req.arrayBuffer()));
      return context.json({});
    });
  app.use(limited(REPORT_BODY_BYTES_MAX));
  app.post(AGENT_PATHS.register, async (context) => {
    const { register } = await tells();
    return context.json(await register(telling, await context.req.json()));
  });
  app.get(AGENT_PATHS.desired, async (context) => {
    const agent = await proven(context);
    return desired(deps, await hub.get(), context, agent);
  });
  app.get(AGENT_PATHS.bundle(":app"), async (context) => bundle(deps, context, (await proven(context)).line));
  for (const noun of ["report", "served", "hold", "rotate"] as const)
    app.post(AGENT_PATHS[noun], async (context) => {
      const agent = await proven(context);
      const { told } = await tells();
      return context.json(await told[noun](telling, agent, await context.req.json()));
    });
  return app;
}

function limited(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: (context) => answer(context, new Problem("too-large", `the limit is ${maxSize} bytes`)),
  });
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
