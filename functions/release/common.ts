/**
 * What all Apps of a project share: its Project, Policies, Clusters and Sources. A sweep reads it
 * once for all of them, only to tell that nothing is new; whatever is released is decided on what is read for it alone.
 */
import type { Cluster } from "#core/cluster.ts";
import type { Policy } from "#core/policy.ts";
import { HUB_PROJECT, type Project } from "#core/project.ts";
import type { Source } from "#core/source.ts";
import type { Db } from "../store/db.ts";
import { getHub, type Hub } from "../store/hub.ts";
import { getProject, getResource, listResources } from "../store/resource.ts";
import { listServed, type Served } from "../store/served.ts";

export interface Common {
  hub: Hub;
  /** Undefined: there is none, and its Apps get nothing. */
  project: Project | undefined;
  /** The hub's own first, which hold in every project; each in order of their names. */
  policies: Policy[];
  clusters: Cluster[];
  /** By cluster. */
  changedBy: ReadonlyMap<string, string>;
  /** What their API servers serve, by cluster. */
  served: ReadonlyMap<string, Served>;
  /** Undefined where there is none of that name. */
  sourceOf: (name: string) => Promise<Source | undefined>;
}

export async function readCommon(db: Db, project: string): Promise<Common> {
  const [hub, found, everywhere, own, clusters, served] = await Promise.all([
    getHub(db),
    getProject(db, project),
    listResources(db, "Policy", HUB_PROJECT),
    project === HUB_PROJECT ? [] : listResources(db, "Policy", project),
    listResources(db, "Cluster", project),
    listServed(db, project),
  ]);
  const sources = new Map<string, Promise<Source | undefined>>();
  return {
    hub,
    project: found,
    policies: [...everywhere, ...own].map(({ resource }) => resource),
    clusters: clusters.map(({ resource }) => resource),
    changedBy: new Map(
      clusters.flatMap(({ resource, stamp }) =>
        stamp === undefined ? [] : [[resource.metadata.name, stamp.by] as const],
      ),
    ),
    served,
    sourceOf: (name) => {
      const source = sources.get(name) ?? readSource(db, project, name);
      sources.set(name, source);
      return source;
    },
  };
}

async function readSource(db: Db, project: string, name: string): Promise<Source | undefined> {
  return (await getResource(db, "Source", project, name))?.resource;
}
