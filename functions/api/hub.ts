/** The hub itself: who it is, a charter that was signed elsewhere, its export, and an export read in. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "@hono/zod-openapi";
import type { Verb } from "#core/access.ts";
import { charterFault, fingerprintOf } from "#core/charter.ts";
import { exportPageSchema, importAnswerSchema, importRequestSchema } from "#core/export.ts";
import { charterRequestSchema, hubViewSchema, type HubView } from "#core/hub.ts";
import { Problem } from "#core/problem.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { readCharter } from "../release/charter.ts";
import { charterOf, getHub, type Hub } from "../store/hub.ts";
import { putHub } from "../store/hub-write.ts";
import { mustWrite, type Writer } from "../store/writer.ts";
import { exportPage, type ExportDeps } from "../transfer/export.ts";
import { importPage } from "../transfer/import.ts";
import { authorize, stampOf, type ApiContext, type ApiEnv } from "./caller.ts";
import { createApi, json, route } from "./route.ts";

const body = <T extends z.ZodType>(schema: T) => ({
  required: true,
  content: { "application/json": { schema } },
});

const get = route({
  method: "get",
  path: "/hub",
  summary: "The hub: id, epoch, addresses, signing keys, fingerprint of the recovery key",
  responses: { 200: json(hubViewSchema, "As its charter says") },
});
const putCharter = route({
  method: "put",
  path: "/hub/charter",
  summary: "A newer charter, signed by the recovery key",
  request: { body: body(charterRequestSchema) },
  responses: { 200: json(hubViewSchema, "The hub as it is now; agents take it at their next poll") },
});
const exporting = route({
  method: "get",
  path: "/export",
  summary: "The whole hub as lines, page by page",
  request: { query: z.object({ cursor: z.string().max(2000).optional() }) },
  responses: { 200: json(exportPageSchema, "Lines in order, and where to go on") },
});
const importing = route({
  method: "post",
  path: "/import",
  summary: "Read an export into a hub that was just opened",
  request: { body: body(importRequestSchema) },
  responses: { 200: json(importAnswerSchema, "These lines are in") },
});

interface HubDeps extends ExportDeps {
  hubUrl: string;
  writer?: Writer | undefined;
}

export function hubRoutes(deps: HubDeps): OpenAPIHono<ApiEnv> {
  const { db } = deps;
  const routes = createApi();
  const may = (context: ApiContext, verb: Verb): Promise<void> =>
    authorize(db, context, HUB_PROJECT, { verb, noun: "hub" });
  routes.openapi(get, async (context) => {
    await may(context, "read");
    return context.json(view(deps, await getHub(db)), 200);
  });
  routes.openapi(putCharter, async (context) => {
    await may(context, "write");
    const hub = await takeCharter(deps, context, context.req.valid("json").charter);
    return context.json(view(deps, hub), 200);
  });
  routes.openapi(exporting, async (context) => {
    await may(context, "read");
    return context.json(await exportPage(deps, context.req.valid("query").cursor), 200);
  });
  routes.openapi(importing, async (context) => {
    await may(context, "write");
    return context.json(await importPage(deps, context.req.valid("json"), stampOf(context)), 200);
  });
  return routes;
}

async function takeCharter({ db, writer }: HubDeps, context: ApiContext, jws: string): Promise<Hub> {
  const hub = await getHub(db);
  const read = await readCharter(jws, hub.recoveryKey);
  if (read.kind === "refused") throw new Problem("invalid-request", `charter: ${read.message}`);
  const fault = charterFault(charterOf(hub), read.charter, hub.signing);
  if (fault !== undefined) throw new Problem("conflict", `charter: ${fault}`);
  const { epoch, serial, region } = read.charter;
  // Whoever becomes the writer by it takes it; any other one is the writer's to take.
  if (writer !== undefined && region !== undefined && region !== writer.region)
    throw new Problem(
      "not-writer",
      `the charter makes ${region} the writer, and this is ${writer.region}: bring it to ${region}`,
    );
  if (region === undefined || region !== writer?.region) await mustWrite(writer);
  const next = { ...hub, epoch, serial, charter: jws };
  if ((await putHub(db, next, hub, stampOf(context))) === "written") return next;
  throw new Problem(
    "conflict",
    "the charter was changed at this moment: read the hub again, and sign above it",
  );
}

function view({ writer, hubUrl }: HubDeps, hub: Hub): HubView {
  const { urls, signers, region } = charterOf(hub);
  return {
    hub: hub.hub,
    epoch: hub.epoch,
    serial: hub.serial,
    urls,
    signers,
    ...(hub.signing === undefined ? {} : { signing: hub.signing }),
    recovery: fingerprintOf(hub.recoveryKey),
    ...(region === undefined ? {} : { region }),
    ...(writer === undefined ? {} : { here: { region: writer.region, url: hubUrl } }),
    ...(hub.imported === undefined ? {} : { imported: hub.imported }),
    ...(hub.importing === undefined ? {} : { importing: true }),
  };
}
