/** Clusters, and the short-lived token with which an agent registers one. */
import { randomBytes } from "node:crypto";
import { Hono } from "hono";
import { TOKEN_TTL_MS } from "#core/limits.ts";
import { Problem } from "#core/problem.ts";
import type { RegistrationToken } from "#core/protocol.ts";
import type { ClusterView, RegistrationAnswer } from "#core/view.ts";
import { newestAudit } from "../audit/drift-audit.ts";
import type { ObjectStore } from "../objects/port.ts";
import { fingerprint } from "../release/sign.ts";
import { deleteBeat, getBeats, getLine, isSilent, listBeats, putToken, type Beat } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getHub } from "../store/hub.ts";
import { deletePlacement } from "../store/placement.ts";
import { deleteResource, getResource, listResources, type Stored } from "../store/resource.ts";
import type { Cluster } from "#core/cluster.ts";
import { nameOf, projectOf } from "./sources.ts";

interface Deps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  hubUrl: string;
}

export function clusterRoutes(deps: Deps): Hono {
  const { db } = deps;
  const routes = new Hono();
  routes.get("/clusters", async (context) =>
    context.json({ items: await listClusters(deps, projectOf(context)) }),
  );
  routes.get("/clusters/:name", async (context) => {
    const { project, name, stored } = await find(db, projectOf(context), nameOf(context, "name"));
    const beat = (await getBeats(db, project, [name])).get(name);
    return context.json(
      view(stored, beat, (await getLine(db, project, name))?.key !== undefined, deps.now()),
    );
  });
  routes.delete("/clusters/:name", async (context) => {
    const { project, name, stored } = await find(db, projectOf(context), nameOf(context, "name"));
    await deleteResource(db, stored);
    await forgetCluster(db, project, name);
    return context.body(null, 204);
  });
  routes.post("/clusters/:name/registration", async (context) => {
    const { project, name } = await find(db, projectOf(context), nameOf(context, "name"));
    return context.json(await makeToken(deps, project, name), 201);
  });
  routes.get("/drift-audits/newest", async (context) => {
    const audit = await newestAudit(deps, projectOf(context));
    if (audit === undefined)
      throw new Problem("not-found", "there is no drift audit yet: the first is written at the next slot");
    return context.json(audit);
  });
  return routes;
}

export async function listClusters(
  { db, now }: Pick<Deps, "db" | "now">,
  project: string,
): Promise<ClusterView[]> {
  const beats = await listBeats(db, project);
  return (await listResources(db, "Cluster", project)).map((stored) => {
    const beat = beats.get(stored.resource.metadata.name);
    return view(stored, beat, beat !== undefined, now());
  });
}

/** In lists, a cluster counts as registered once it was heard: its line need not be read. */
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
        };
  return { resource, version, registered, silent: registered && isSilent(beat, now), ...heard };
}

/** What was known of it goes; its agent keeps what it has, and is nobody here any more. */
async function forgetCluster(db: Db, project: string, cluster: string): Promise<void> {
  await deleteBeat(db, project, cluster);
  for (const { resource } of await listResources(db, "App", project))
    await deletePlacement(db, { project, app: resource.metadata.name, cluster });
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

async function find(db: Db, project: string, name: string) {
  const stored = await getResource(db, "Cluster", project, name);
  if (stored === undefined)
    throw new Problem("not-found", `there is no Cluster ${name} in project ${project}`);
  return { project, name, stored };
}
