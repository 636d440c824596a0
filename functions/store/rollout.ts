/** Releases and rollouts: written together, once; then the rollout alone moves, each time by its version. */
import { releaseSchema, type Release } from "#core/release.ts";
import { rolloutSchema, type Rollout } from "#core/rollout.ts";
import { packRanks, unpackRanks } from "./ranks.ts";
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
  return item === undefined ? undefined : rolloutOfItem(item);
}

const RANKS = ["out", "free", "failed", "later", "held", "waiting"] as const;
const BACK_RANKS = ["out", "failed"] as const;

/** As it stands in the table, or in an image of its stream. */
export function rolloutOfItem(item: Item): Rollout {
  const { back } = item;
  return rolloutSchema.parse({
    ...item,
    ...("out" in item ? {} : { out: between(item["settled"], item["released"]) }),
    ...unpacked(item, RANKS),
    ...(isItem(back) ? { back: { ...back, ...unpacked(back, BACK_RANKS) } } : {}),
  });
}

/** Of a rollout that was written when only its front was known: all behind it may be out. */
function between(settled: unknown, released: unknown): number[] {
  const from = Number(settled);
  return Array.from({ length: Math.max(0, Number(released) - from) }, (_, index) => from + index);
}

function itemOfRollout(rollout: Rollout): Item {
  const { back } = rollout;
  return {
    ...rollout,
    ...Object.fromEntries(RANKS.map((name) => [name, packRanks(rollout[name])])),
    ...(back === undefined
      ? {}
      : {
          back: {
            ...back,
            ...Object.fromEntries(BACK_RANKS.map((name) => [name, packRanks(back[name])])),
          },
        }),
  };
}

function unpacked(item: Item, names: readonly string[]): Item {
  return Object.fromEntries(
    names.flatMap((name) => {
      const text = item[name];
      return typeof text === "string" ? [[name, unpackRanks(text)]] : [];
    }),
  );
}

function isItem(value: unknown): value is Item {
  return typeof value === "object" && value !== null;
}

export async function listReleases(db: Db, project: string, app: string, limit: number): Promise<Release[]> {
  return (await readAll(db, lists.releases(project, app), { newestFirst: true, limit })).map((item) =>
    releaseSchema.parse(item),
  );
}

export async function listRollouts(db: Db, project: string, app: string, limit: number): Promise<Rollout[]> {
  return (await readAll(db, lists.rollouts(project, app), { newestFirst: true, limit })).map(rolloutOfItem);
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
  return { ...page, items: page.items.map(rolloutOfItem) };
}

/** Only over the version that was read; a lost race is read and decided again. */
/** With `record`, the App's as it was read, both are written or none: then no release can be made of it in between. */
export async function putRollout(db: Db, rollout: Rollout, record?: AppRecord): Promise<"written" | "lost"> {
  const item = {
    ...keys.rollout(rollout.project, rollout.app, rollout.release),
    ...itemOfRollout(rollout),
    version: rollout.version + 1,
  };
  const condition = {
    text: "#version = :was",
    names: { version: "version" },
    values: { was: rollout.version },
  };
  if (record === undefined) return db.put(item, condition);
  const next = { ...record, version: record.version + 1 };
  return db.transact([
    { Put: { TableName: db.table, Item: item, ...conditionOf(condition) } },
    {
      Put: {
        TableName: db.table,
        Item: { ...keys.appState(record.project, record.app), ...next },
        ...conditionOf({ ...condition, values: { was: record.version } }),
      },
    },
  ]);
}

function conditionOf({ text, ...rest }: { text: string; names: Record<string, string>; values: object }) {
  return { ConditionExpression: text, ...attributesOf({ text: "", ...rest, values: { ...rest.values } }) };
}

/**
 * One transaction: the release, its rollout, the App's record, and the end of the rollouts that it takes the place of,
 * whose fences grow so that assignments still under way are dropped. A rollout of a version above 1 was withheld, and is
 * written over what was read. Lost also where the App is gone, or is not the one that the release was made of: a deleted App
 * would be back on its clusters, and nothing would take it off them again.
 */
export async function createRelease(
  db: Db,
  release: Release,
  rollout: Rollout,
  record: AppRecord,
  wasVersion: number | undefined,
  ...before: readonly (Rollout | undefined)[]
): Promise<"written" | "lost"> {
  const { project, app } = release;
  const isFirst = rollout.version === 1;
  // Where a region was lost, one of the two may be there without the App's record: of an epoch before, it counts for nothing.
  const absent = {
    ConditionExpression: "attribute_not_exists(pk) OR #epoch < :epoch",
    ...attributesOf({ text: "", names: { epoch: "epoch" }, values: { epoch: release.epoch } }),
  };
  const unchanged = {
    ConditionExpression: "#version = :was",
    ...attributesOf({ text: "", names: { version: "version" }, values: { was: rollout.version - 1 } }),
  };
  const { text: ConditionExpression, ...rest } = appRecordCondition(wasVersion);
  const put = (Item: Item, condition: object): TransactItem => ({
    Put: { TableName: db.table, Item, ...condition },
  });
  const items = [
    put({ ...keys.release(project, app, release.release), ...release }, isFirst ? absent : {}),
    put(
      { ...keys.rollout(project, app, release.release), ...itemOfRollout(rollout) },
      isFirst ? absent : unchanged,
    ),
    put(
      { ...keys.appState(project, app), ...record },
      { ConditionExpression, ...attributesOf({ text: "", ...rest }) },
    ),
  ];
  for (const one of before) if (one !== undefined) items.push(supersede(db, one, release));
  return db.transact([isStill(db, release), ...items]);
}

function isStill(db: Db, { project, app, appVersion }: Release): TransactItem {
  return {
    ConditionCheck: {
      TableName: db.table,
      Key: keys.app(project, app),
      ...conditionOf({ text: "#version = :app", names: { version: "version" }, values: { app: appVersion } }),
    },
  };
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
