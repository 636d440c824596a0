/**
 * What an import writes: things as they were in another hub, put where nothing stands. Versions begin again, so that
 * this hub's own log has no gap; the stamp says who brought it and what it was before. A repeat changes nothing.
 */
import type { Stamp } from "#core/actor.ts";
import { fingerprintOf } from "#core/charter.ts";
import { canonicalJson } from "#core/digest.ts";
import type { AgentLine, AppLine, ResourceLine, ServedLine, TokenLine } from "#core/export.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { putApiToken } from "./api-token.ts";
import { readAll, type Db } from "./db.ts";
import { isEmpty } from "./page.ts";
import { getResource, keyOf, listProjects } from "./resource.ts";
import { putServed } from "./served.ts";
import { keys, lists } from "./table.ts";

const ABSENT = { text: "attribute_not_exists(pk)" };

/** Projects and the hub's own settings aside, nothing has been put into this hub. */
export async function isFresh(db: Db): Promise<boolean> {
  for (const project of await listProjects(db)) {
    const partitions = [
      ...lists.clusters(project),
      ...lists.sources(project),
      ...lists.apps(project),
      ...lists.appStates(project),
    ];
    if (!(await isEmpty(db, partitions))) return false;
  }
  return true;
}

/** A Project is in every hub from its opening: the one that is brought takes its place. */
export async function restoreResource(
  db: Db,
  { resource, version: was, stamp: last, managedBy, deleting }: ResourceLine,
  stamp: Stamp,
): Promise<void> {
  const { kind, metadata } = resource;
  const { project, name } = metadata;
  const before = kind === "Project" ? await getResource(db, kind, project, name) : undefined;
  if (before !== undefined && canonicalJson(before.resource) === canonicalJson(resource)) return;
  const item = {
    ...keyOf(kind, project, name),
    project,
    name,
    resource,
    version: (before?.version ?? 0) + 1,
    stamp: broughtBy(stamp, was, last),
    ...(managedBy === undefined ? {} : { managedBy }),
    ...(deleting === true ? { deleting } : {}),
  };
  const over = { text: "#version = :was", names: { version: "version" }, values: { was: before?.version } };
  const written = await db.put(item, before === undefined ? ABSENT : over);
  if (written === "lost" && before !== undefined)
    throw new Error(`Project ${name} was changed while it was read in: repeat the import`);
}

function broughtBy(stamp: Stamp, version: number, last: Stamp | undefined): Stamp {
  const by = last === undefined ? "" : `, last changed by ${last.by}`;
  return { ...stamp, why: `import: was version ${version}${by}`.slice(0, 300) };
}

/** With its keys and its counter: the agent goes on as if nothing had been. */
export async function restoreAgent(db: Db, agent: AgentLine, stamp: Stamp): Promise<void> {
  const { project, cluster, line, registeredAt, rotatedAt, revokedAt } = agent;
  // One more, so that no agent takes this hub's first answer for the last one of the old hub.
  const told = { ...line, project, cluster, desired: line.desired + 1 };
  await db.put({ ...keys.line(project, cluster), ...defined(told) }, ABSENT);
  if (registeredAt === undefined) return;
  const identity = {
    project,
    cluster,
    version: 1,
    stamp,
    event: line.revoked === true ? "revoked" : "registered",
    key: line.key === undefined ? undefined : fingerprintOf(line.key),
    registeredAt,
    rotatedAt,
    revokedAt,
  };
  await db.put({ ...keys.identity(project, cluster), ...defined(identity) }, ABSENT);
}

/** As told to the other hub; whatever its agent tells is newer. */
export async function restoreServed(
  db: Db,
  { project, cluster, kubernetes, apis }: ServedLine,
): Promise<void> {
  const told = { project, cluster, kubernetes, ...(apis === undefined ? {} : { apis }) };
  await putServed(db, { ...told, seq: 0, at: 0 }, undefined);
}

/** Already there: it is a token of this hub as well. */
export async function restoreToken(db: Db, { token, digest }: TokenLine, stamp: Stamp): Promise<void> {
  await putApiToken(db, token, digest, stamp);
}

/** Numbers go on from here. The rollout of `release` is not brought: nothing of it is under way any more. */
export async function restoreApp(db: Db, { project, app, release, ...numbers }: AppLine): Promise<void> {
  if (release !== undefined)
    await db.put({ ...keys.release(project, app, release.release), ...defined(release) }, ABSENT);
  const { epoch, generation, number, commit } = numbers;
  const record = {
    project,
    app,
    version: 1,
    epoch,
    generation,
    release: number,
    active: false,
    commit,
    inputs: "",
    lookedAt: 0,
  };
  await db.put({ ...keys.appState(project, app), ...defined(record) }, ABSENT);
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Sorted, the hub's own last: with it, who reads in keeps their rights until the end. */
export async function projectsInOrder(db: Db): Promise<string[]> {
  const names = (await readAll(db, lists.projects(), { consistent: true })).map((item) =>
    String(item["name"] ?? item["sk"]),
  );
  const others = names.filter((name) => name !== HUB_PROJECT).sort();
  return names.includes(HUB_PROJECT) ? [...others, HUB_PROJECT] : others;
}
