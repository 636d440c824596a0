/** Tells what an edit takes off clusters: reads the placements in question, and no more Apps than one answer holds. */
import { allows } from "#core/access.ts";
import { idOf, type Held } from "#core/apply-plan.ts";
import { leavingOf, needsAll, vanishingOf, type Leaving, type Scene, type Vanish } from "#core/vanish.ts";
import type { Db } from "../store/db.ts";
import { getPlacements, listPlacements } from "../store/placement.ts";
import { getResource, listResources, type Stored } from "../store/resource.ts";
import type { RulesIn } from "./rights.ts";

const APPS_MAX = 20;
/** More are read as one list. */
const CLUSTERS_MAX = 100;

/** Undefined where nothing goes. `held` is what is stored; what leaves already is no news. */
export async function vanishFrom(
  db: Db,
  rulesIn: RulesIn,
  held: Iterable<Pick<Held, "resource" | "deleting">>,
  after: Scene,
): Promise<Vanish | undefined> {
  const before = new Map(
    [...held].flatMap(({ resource, deleting }) => (deleting ? [] : [[idOf(resource), resource] as const])),
  );
  const leaving = leavingOf(before, after);
  const looked = (await readable(rulesIn, leaving, before)).slice(0, APPS_MAX);
  const apps = (await Promise.all(looked.map((one) => vanishing(db, one)))).flat();
  const more = leaving.length - looked.length;
  return apps.length + more === 0 ? undefined : { apps, more };
}

/** Of a Cluster or an App that is deleted by itself. */
export async function vanishBy(db: Db, rulesIn: RulesIn, stored: Stored): Promise<Vanish | undefined> {
  const { project } = stored.resource.metadata;
  const held: Pick<Held, "resource" | "deleting">[] = [stored];
  if (stored.resource.kind === "Cluster") {
    held.push(...(await listResources(db, "App", project)));
    const found = await getResource(db, "Project", project, project);
    if (found !== undefined) held.push(found);
  }
  const after = new Map(held.map(({ resource }) => [idOf(resource), resource]));
  after.delete(idOf(stored.resource));
  return vanishFrom(db, rulesIn, held, after);
}

/** By labels as they are stored; each project's rules are read once. */
async function readable(rulesIn: RulesIn, leaving: readonly Leaving[], before: Scene): Promise<Leaving[]> {
  const projects = [...new Set(leaving.map(({ app }) => app.metadata.project))];
  const rules = new Map(
    await Promise.all(projects.map(async (project) => [project, await rulesIn(project)] as const)),
  );
  return leaving.filter(({ app }) => {
    const { project } = app.metadata;
    const labels = before.get(idOf(app))?.metadata.labels;
    return allows(rules.get(project) ?? [], { verb: "read", noun: "apps", labels });
  });
}

async function vanishing(db: Db, leaving: Leaving) {
  const { project, name } = leaving.app.metadata;
  const { clusters, forgotten } = leaving;
  const named = clusters === "all" ? [] : [...clusters, ...forgotten];
  const isList = needsAll(leaving) || named.length > CLUSTERS_MAX;
  const placements = isList
    ? await listPlacements(db, project, name)
    : [...(await getPlacements(db, project, name, named)).values()];
  return vanishingOf(leaving, placements);
}
