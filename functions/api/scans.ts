/** What CI found in the images of a release: told by whoever may, read by the gates that ask for it. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "#core/problem.ts";
import { SCANS_MAX, scansSchema, scanViewSchema, type ScanView } from "#core/scan.ts";
import { listOf } from "#core/view.ts";
import type { Db } from "../store/db.ts";
import { getRelease } from "../store/rollout.ts";
import { listScans, putScan, type ReleaseName } from "../store/scan.ts";
import { stampOf, type ApiEnv } from "./caller.ts";
import { findFor } from "./found.ts";
import { createApi, json, releaseParam, route } from "./route.ts";

const PATH = "/projects/{project}/apps/{name}/releases/{release}/scans";
const answer = json(listOf(scanViewSchema), "All reports of this release, the newest of each image");

const list = route({
  method: "get",
  path: PATH,
  summary: "Scans of a release's images",
  request: { params: releaseParam },
  responses: { 200: answer },
});
const tell = route({
  method: "post",
  path: PATH,
  summary: "Tell what scans found in a release's images",
  request: {
    params: releaseParam,
    body: { required: true, content: { "application/json": { schema: scansSchema } } },
  },
  responses: { 200: answer },
});

export function scanRoutes({ db, now }: { db: Db; now: () => number }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project, name, release } = context.req.valid("param");
    await findFor(db, context, { verb: "read", noun: "rollouts", kind: "App", project, name });
    await requireRelease(db, { project, app: name, release });
    return context.json({ items: await listScans(db, { project, app: name, release }) }, 200);
  });
  routes.openapi(tell, async (context) => {
    const { project, name, release } = context.req.valid("param");
    await findFor(db, context, { verb: "write", noun: "scans", kind: "App", project, name });
    const of = { project, app: name, release };
    await requireRelease(db, of);
    const { by } = stampOf(context);
    const told = context.req.valid("json").scans.map((scan) => ({ ...scan, by, at: now() }));
    requireRoom(await listScans(db, of), told);
    for (const scan of told) await putScan(db, of, scan);
    return context.json({ items: await listScans(db, of) }, 200);
  });
  return routes;
}

async function requireRelease(db: Db, { project, app, release }: ReleaseName): Promise<void> {
  if ((await getRelease(db, project, app, release)) === undefined)
    throw new Problem("not-found", `App ${app} has no release ${release}`);
}

function requireRoom(held: readonly ScanView[], told: readonly ScanView[]): void {
  if (new Set([...held, ...told].map(({ image }) => image)).size > SCANS_MAX)
    throw new Problem("too-large", `reports of at most ${SCANS_MAX} images are kept for a release`);
}
