/**
 * The plan of a tree: what a release of it would change, by the same steps as the release itself, with the Project's
 * rules and Policies. Reads table and objects, renders, and writes nothing.
 */
import type { App } from "#core/app.ts";
import { lossWords } from "#core/losses.ts";
import type { KubeObject } from "#core/object.ts";
import type { Target } from "#core/release.ts";
import { groupChanges, noChanges, withGroup, type ClusterChange, type Side } from "#core/release-changes.ts";
import type { PlanChanges, ReleasePlan } from "#core/release-plan.ts";
import type { ReadSource } from "#core/source.ts";
import { statementSchema } from "#core/statement.ts";
import type { Renderer } from "../render/render.ts";
import { failed } from "../render/result.ts";
import type { Db } from "../store/db.ts";
import type { Stored } from "../store/resource.ts";
import { getBundleObjects, getTree, type Files } from "./content.ts";
import { losesObjects, type Planned } from "./plan.ts";
import { readPrevious, type Previous } from "./previous.ts";
import { situationOf } from "./situation.ts";
import { changesAnything, workOut, type WorkDeps, type WorkedOut } from "./work-out.ts";

export interface PlanDeps extends WorkDeps {
  db: Db;
  now: () => number;
}

/** What to plan: as if `read` were what the Source's ref stands at. */
export interface Candidate {
  read: ReadSource;
  /** Absent: the tree that `read` names is kept in the object store. */
  files?: Files;
}

/** After this long no further render is begun; one that runs has a limit of its own. */
const RENDERS_MS_MAX = 60_000;

export async function planRelease(
  deps: PlanDeps,
  app: Stored<App>,
  { read, files }: Candidate,
): Promise<ReleasePlan> {
  const { project, name } = app.resource.metadata;
  const situation = await situationOf(deps.db, app, read);
  const previous = await readPrevious(deps, situation);
  const readFiles = async (): Promise<Files> => files ?? getTree(deps.objects, read.tree);
  const timed = { ...deps, renderer: withinTime(deps.renderer, deps.now) };
  const worked = await workOut(timed, situation, previous, readFiles);
  const base = {
    project,
    app: name,
    planned: plannedOf(read, files),
    against: {
      release: situation.record?.release ?? 0,
      ...(previous.commit === undefined ? {} : { commit: previous.commit }),
    },
  };
  if (worked.kind === "failed") return { ...base, verdict: { kind: "withheld", error: worked.error } };
  return {
    ...base,
    verdict: verdictOf(worked, situation.hub.epoch),
    ...(worked.warnings.total === 0 ? {} : { warnings: worked.warnings }),
    changes: await changesOf(deps, app.resource, worked, previous),
  };
}

function plannedOf(read: ReadSource, files: Files | undefined): ReleasePlan["planned"] {
  if (files !== undefined) return { kind: "files", files: files.size };
  const { commit, author, message } = read;
  return { kind: "commit", commit, author, message };
}

type Worked = Extract<WorkedOut, { kind: "worked-out" }>;

function verdictOf({ planned, withheld, over }: Worked, epoch: number): ReleasePlan["verdict"] {
  if (withheld !== undefined) return { kind: "withheld", error: withheld };
  if (over !== undefined)
    return {
      kind: "withheld",
      error: {
        message: `withheld: ${lossWords(over)}: it would wait for an approval, or raise spec.rollout.budget if that is meant`,
      },
    };
  return { kind: changesAnything(planned, epoch) ? "release" : "nothing" };
}

/** One pair of bundles is held at a time besides those that were rendered. */
async function changesOf(
  { objects }: PlanDeps,
  app: App,
  { planned, bundles }: Worked,
  previous: Previous,
): Promise<PlanChanges> {
  const made = new Map([...bundles.values()].map((bundle) => [bundle.digest, bundle.objects]));
  const held = new Map(
    [...previous.targets.values()].flatMap(({ bundle }) =>
      bundle === undefined ? [] : [[bundle.digest, bundle]],
    ),
  );
  const before = async ({ bundle }: Side): Promise<readonly KubeObject[]> => {
    const ref = held.get(bundle);
    return made.get(bundle) ?? (ref === undefined ? [] : getBundleObjects(objects, ref));
  };
  let changes = noChanges(app.spec.rollout.budget.deletes);
  for (const group of groupChanges(planned.map((one) => changeOf(app, one, previous)))) {
    const was = group.same || group.before === undefined ? undefined : await before(group.before);
    const is = group.after === undefined ? undefined : made.get(group.after.bundle);
    changes = withGroup(changes, group, placed(was, group.before), placed(is, group.after));
  }
  return changes;
}

function placed(objects: readonly KubeObject[] | undefined, side: Side | undefined) {
  return objects === undefined || side === undefined ? undefined : { objects, namespace: side.namespace };
}

function changeOf(app: App, { wanted, carried }: Planned, previous: Previous): ClusterChange {
  const last = previous.targets.get(wanted.cluster);
  const after =
    wanted.action === "apply" ? { bundle: wanted.bundle.digest, namespace: wanted.namespace } : undefined;
  return {
    cluster: wanted.cluster,
    before: carried !== undefined ? after : sideOf(app, last),
    after,
    same: carried !== undefined,
    loses: losesObjects(app, wanted) ? "deleted" : "left",
  };
}

function sideOf(app: App, target: Target | undefined): Side | undefined {
  if (target?.bundle === undefined) return undefined;
  return {
    bundle: target.bundle.digest,
    namespace: namespaceIn(target.statement) ?? app.spec.namespace,
  };
}

/** As the statement orders it; the hub signed it itself, so its signature is not looked at again. */
function namespaceIn(statement: string): string | undefined {
  const payload = Buffer.from(statement.split(".")[1] ?? "", "base64url").toString();
  const parsed = statementSchema.safeParse(payload === "" ? undefined : JSON.parse(payload));
  if (!parsed.success || parsed.data.order.action !== "apply") return undefined;
  return parsed.data.order.namespace;
}

function withinTime(renderer: WorkDeps["renderer"], now: () => number): Pick<Renderer, "render" | "rego"> {
  const until = now() + RENDERS_MS_MAX;
  const late = `a plan renders for ${RENDERS_MS_MAX} ms at most: ask for an App with fewer groups of clusters`;
  return {
    render: (request) => (now() > until ? Promise.resolve(failed(late)) : renderer.render(request)),
    rego: (request) => renderer.rego(request),
  };
}
