/** Clusters, and the short-lived token with which an agent registers one. */
import { randomBytes } from "node:crypto";
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Cluster } from "#core/cluster.ts";
import { holdFor } from "#core/hold.ts";
import { TOKEN_TTL_MS } from "#core/limits.ts";
import type { RegistrationToken } from "#core/protocol.ts";
import {
  clusterViewSchema,
  listOf,
  registrationAnswerSchema,
  type ClusterView,
  type RegistrationAnswer,
} from "#core/view.ts";
import { forgetCluster } from "../apply/forget.ts";
import { fingerprint } from "../release/sign.ts";
import { getBeats, getLine, isSilent, listBeats, putToken, type Beat } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getHub } from "../store/hub.ts";
import { listResources, type Stored } from "../store/resource.ts";
import { agentKeyOf } from "./agent-keys.ts";
import type { ApiEnv } from "./caller.ts";
import { versioned } from "./conditional.ts";
import { deleteFor, findFor, readable } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, listQuery, namedParam, projectParam, route } from "./route.ts";

const PATH = "/projects/{project}/clusters";

const list = route({
  method: "get",
  path: PATH,
  summary: "Clusters of a project",
  request: { params: projectParam, query: listQuery },
  responses: { 200: json(listOf(clusterViewSchema), "One page, by name") },
});
const get = route({
  method: "get",
  path: `${PATH}/{name}`,
  summary: "One cluster",
  request: { params: namedParam },
  responses: { 200: json(clusterViewSchema, "The cluster and when it was heard") },
});
const remove = route({
  method: "delete",
  path: `${PATH}/{name}`,
  summary: "Delete a cluster; its agent is nobody from then on, and leaves everything as it is",
  request: { params: namedParam },
  responses: { 204: { description: "It is gone" } },
});
const registration = route({
  method: "post",
  path: `${PATH}/{name}/registration`,
  summary: "Make the token with which the cluster's agent registers",
  request: { params: namedParam },
  responses: { 201: json(registrationAnswerSchema, "The token, shown once") },
});

interface Deps {
  db: Db;
  pages: Pages;
  now: () => number;
  hubUrl: string;
}

export function clusterRoutes(deps: Deps): OpenAPIHono<ApiEnv> {
  const { db, pages } = deps;
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project } = context.req.valid("param");
    const keep = await readable(db, context, project, "clusters");
    const page = await pages.resources("Cluster", project, context.req.valid("query"), keep);
    const names = page.items.map(({ resource }) => resource.metadata.name);
    const items = viewAll(page.items, await getBeats(db, project, names), deps.now());
    return context.json({ ...page, items }, 200);
  });
  routes.openapi(get, async (context) => {
    const { project, name } = context.req.valid("param");
    const stored = await findFor(db, context, { verb: "read", kind: "Cluster", project, name });
    versioned(context, stored.version);
    const beat = (await getBeats(db, project, [name])).get(name);
    const registered = (await getLine(db, project, name))?.key !== undefined;
    const key = await agentKeyOf(db, project, name);
    return context.json({ ...view(stored, beat, registered, deps.now()), ...key }, 200);
  });
  routes.openapi(remove, async (context) => {
    const { project, name } = context.req.valid("param");
    const stored = await findFor(db, context, { verb: "delete", kind: "Cluster", project, name });
    await deleteFor(db, context, stored);
    await forgetCluster(db, project, name);
    return context.body(null, 204);
  });
  routes.openapi(registration, async (context) => {
    const { project, name } = context.req.valid("param");
    await findFor(db, context, { verb: "register", kind: "Cluster", project, name });
    return context.json(await makeToken(deps, project, name), 201);
  });
  return routes;
}

/** All of a project, for who may read them by `keep`. */
export async function listClusters(
  { db, now }: Pick<Deps, "db" | "now">,
  project: string,
  keep: (stored: Stored) => boolean = () => true,
): Promise<ClusterView[]> {
  const beats = await listBeats(db, project);
  return viewAll((await listResources(db, "Cluster", project)).filter(keep), beats, now());
}

/** In lists, a cluster counts as registered once it was heard: its line need not be read. */
function viewAll(
  clusters: readonly Stored<Cluster>[],
  beats: ReadonlyMap<string, Beat>,
  now: number,
): ClusterView[] {
  return clusters.map((stored) => {
    const beat = beats.get(stored.resource.metadata.name);
    return view(stored, beat, beat !== undefined, now);
  });
}

function view(
  { resource, version }: Stored<Cluster>,
  beat: Beat | undefined,
  registered: boolean,
  now: number,
): ClusterView {
  const heard =
    beat === undefined
      ? {}
      : {
          heardAt: beat.heardAt,
          ...(beat.agent === undefined ? {} : { agent: beat.agent }),
          ...(beat.kubernetes === undefined ? {} : { kubernetes: beat.kubernetes }),
          ...(beat.twiceAt === undefined ? {} : { duplicatedAt: beat.twiceAt }),
        };
  const hold = holdFor(beat?.holds, undefined, now);
  const held = hold === undefined ? {} : { hold };
  return { resource, version, registered, silent: registered && isSilent(beat, now), ...heard, ...held };
}

async function makeToken(deps: Deps, project: string, cluster: string): Promise<RegistrationAnswer> {
  const hub = await getHub(deps.db);
  const recovery = fingerprint(hub.recoveryKey);
  const secret = randomBytes(32).toString("base64url");
  const expiresAt = deps.now() + TOKEN_TTL_MS;
  await putToken(deps.db, project, cluster, secret, expiresAt);
  const token: RegistrationToken = { hub: hub.hub, url: deps.hubUrl, project, cluster, recovery, secret };
  return { token: `fl1.${Buffer.from(JSON.stringify(token)).toString("base64url")}`, expiresAt, recovery };
}
