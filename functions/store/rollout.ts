/** Releases and rollouts: written together, once; then the rollout alone moves, each time by its version. */
import { releaseSchema, type Release } from "#core/release.ts";
import { rolloutSchema, type Rollout } from "#core/rollout.ts";
import { attributesOf, readAll, type Db, type Item, type TransactItem } from "./db.ts";
import { readPage, type Page, type PageAsked } from "./page.ts";
import { appRecordCondition, type AppRecord } from "./state.ts";
import { keys, lists } from "./table.ts";

export async function getRelease(
  db: Db,
  project: string,
  app: string,
  release: number,
): Promise<Release | undefined> {
  const item = await db.get(keys.release(project, app, release), { consistent: true });
  return item === undefined ? undefined : releaseSchema.parse(item);
}

export async function getRollout(
  db: Db,
  project: string,
  app: string,
  release: number,
): Promise<Rollout | undefined> {
  const item = await db.get(keys.rollout(project, app, release), { consistent: true });
  return item === undefined ? undefined : rolloutSchema.parse(item);
}

export async function listReleases(db: Db, project: string, app: string, limit: number): Promise<Release[]> {
  return (await readAll(db, lists.releases(project, app), { newestFirst: true, limit })).map((item) =>
    releaseSchema.parse(item),
  );
}

export async function listRollouts(db: Db, project: string, app: string, limit: number): Promise<Rollout[]> {
  return (await readAll(db, lists.rollouts(project, app), { newestFirst: true, limit })).map((item) =>
    rolloutSchema.parse(item),
  );
}

export async function pageReleases(
  db: Db,
  project: string,
  app: string,
  asked: PageAsked,
): Promise<Page<Release>> {
  const page = await readPage(db, lists.releases(project, app), { ...asked, newestFirst: true });
  return { ...page, items: page.items.map((item) => releaseSchema.parse(item)) };
}

export async function pageRollouts(
  db: Db,
  project: string,
  app: string,
  asked: PageAsked,
): Promise<Page<Rollout>> {
  const page = await readPage(db, lists.rollouts(project, app), { ...asked, newestFirst: true });
  return { ...page, items: page.items.map((item) => rolloutSchema.parse(item)) };
}

/** Only over the version that was read; a lost race is read and decided again. */
export async function putRollout(db: Db, rollout: Rollout): Promise<"written" | "lost"> {
  const item = {
    ...keys.rollout(rollout.project, rollout.app, rollout.release),
    ...rollout,
    version: rollout.version + 1,
  };
  return db.put(item, {
    text: "#version = :was",
    names: { version: "version" },
    values: { was: rollout.version },
  });
}

/**
 * One transaction: the release, its rollout, the App's record, and the end of the rollout before, whose fence grows
 * so that assignments still under way are dropped.
 */
export async function createRelease(
  db: Db,
  release: Release,
  rollout: Rollout,
  record: AppRecord,
  wasVersion: number | undefined,
  before: Rollout | undefined,
): Promise<"written" | "lost"> {
  const { project, app } = release;
  const absent = { ConditionExpression: "attribute_not_exists(pk)" };
  const { text: ConditionExpression, ...rest } = appRecordCondition(wasVersion);
  const put = (Item: Item, condition: object): TransactItem => ({
    Put: { TableName: db.table, Item, ...condition },
  });
  const items = [
    put({ ...keys.release(project, app, release.release), ...release }, absent),
    put({ ...keys.rollout(project, app, release.release), ...rollout }, absent),
    put(
      { ...keys.appState(project, app), ...record },
      { ConditionExpression, ...attributesOf({ text: "", ...rest }) },
    ),
  ];
  if (before !== undefined) items.push(supersede(db, before, release));
  return db.transact(items);
}

function supersede(db: Db, before: Rollout, by: Release): TransactItem {
  return {
    Update: {
      TableName: db.table,
      Key: keys.rollout(before.project, before.app, before.release),
      UpdateExpression: "SET #state = :state, #fence = :fence, #version = :next",
      ConditionExpression: "#version = :was",
      ...attributesOf({
        text: "",
        names: { state: "state", fence: "fence", version: "version" },
        values: {
          state: { kind: "superseded", at: by.at, by: by.release },
          fence: before.fence + 1,
          next: before.version + 1,
          was: before.version,
        },
      }),
    },
  };
}
