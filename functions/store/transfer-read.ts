/** What an export reads of the table, a bounded part at a time. Nothing secret is among it. */
import type { AgentLine, AppLine, ExportLine, TokenLine } from "#core/export.ts";
import type { Resource } from "#core/resource.ts";
import { getLogTip } from "./audit-log.ts";
import type { Db, Item } from "./db.ts";
import { lineSchema } from "./line.ts";
import { readPage, type Page } from "./page.ts";
import { getRelease } from "./rollout.ts";
import { servedSchema, type Served } from "./served.ts";
import { appRecordSchema } from "./state.ts";
import { keys, lists, type Partition } from "./table.ts";

export interface Part {
  lines: ExportLine[];
  /** Where the next part of the same list begins; absent at its end. */
  next?: string | undefined;
}

/** Resources may be large, agents are not. */
const RESOURCES_AT_ONCE = 10;
const SMALL_AT_ONCE = 50;

export type ListedKind = "Policy" | "Source" | "App" | "Promotion";

const PARTITIONS: Record<ListedKind, (project: string) => Partition[]> = {
  Policy: lists.policies,
  Source: lists.sources,
  App: lists.apps,
  Promotion: lists.promotions,
};

export async function readResources(
  db: Db,
  kind: ListedKind,
  project: string,
  after: string | undefined,
): Promise<Part> {
  const page = await readPage(db, PARTITIONS[kind](project), { limit: RESOURCES_AT_ONCE, after });
  return { lines: page.items.map(resourceLine), next: page.next };
}

export async function readProject(db: Db, project: string): Promise<ExportLine[]> {
  const item = await db.get(keys.project(project), { consistent: true });
  return item?.["resource"] === undefined ? [] : [resourceLine(item)];
}

function resourceLine(item: Item): ExportLine {
  const { resource, version, stamp, managedBy, deleting } = item as {
    resource: Resource;
    version: number;
    stamp?: Extract<ExportLine, { kind: "resource" }>["stamp"];
    managedBy?: string;
    deleting?: boolean;
  };
  return {
    kind: "resource",
    resource,
    version,
    ...(stamp === undefined ? {} : { stamp }),
    ...(managedBy === undefined ? {} : { managedBy }),
    ...(deleting === true ? { deleting } : {}),
  };
}

/** Each Cluster, and its agent where it has one. */
export async function readClusters(db: Db, project: string, after: string | undefined): Promise<Part> {
  const page = await readPage(db, lists.clusters(project), { limit: SMALL_AT_ONCE, after });
  const names = page.items.map((item) => String(item["name"]));
  const lines = await db.getMany(names.map((name) => keys.line(project, name)));
  const identities = await db.getMany(names.map((name) => keys.identity(project, name)));
  const identityOf = new Map(identities.map((item) => [String(item["cluster"]), item]));
  const agents = lines.map((item) => agentLine(item, identityOf.get(String(item["cluster"]))));
  return { lines: [...page.items.map(resourceLine), ...agents], next: page.next };
}

/** Of clusters that told it, in order of their names after `after`. */
export async function readServed(db: Db, project: string, after: string | undefined): Promise<Page<Served>> {
  const page = await readPage(db, lists.served(project), { limit: SMALL_AT_ONCE, after });
  return { ...page, items: page.items.map((item) => servedSchema.parse(item)) };
}

function agentLine(item: Item, identity: Item | undefined): AgentLine {
  const { project, cluster, twiceAt: _, ...line } = lineSchema.parse(item);
  const times = Object.fromEntries(
    ["registeredAt", "rotatedAt", "revokedAt"].flatMap((name) => {
      const at = identity?.[name];
      return typeof at === "number" ? [[name, at] as const] : [];
    }),
  );
  return { kind: "agent", project, cluster, line, ...times };
}

/** Those that hold now. */
export async function readTokens(
  db: Db,
  project: string,
  after: string | undefined,
  now: number,
): Promise<Part> {
  const page = await readPage(db, lists.apiTokens(project), { limit: SMALL_AT_ONCE, after });
  const live = page.items.filter((item) => item["deleting"] !== true && Number(item["expiresAt"]) > now);
  return { lines: live.map(tokenLine), next: page.next };
}

function tokenLine(item: Item): TokenLine {
  const { digest, id, name, project, role, rules, createdAt, expiresAt } = item as TokenLine["token"] & {
    digest: string;
  };
  return { kind: "token", digest, token: { id, name, project, role, rules, createdAt, expiresAt } };
}

export async function readCredentialNames(db: Db, project: string, after: string | undefined): Promise<Part> {
  const page = await readPage(db, lists.credentials(project), { limit: SMALL_AT_ONCE, after });
  const lines = page.items.map((item): ExportLine => ({
    kind: "credential",
    project,
    name: String(item["name"]),
  }));
  return { lines, next: page.next };
}

export async function readLogHead(db: Db, project: string): Promise<ExportLine[]> {
  const { n, hash } = await getLogTip(db, project);
  return n === 0 ? [] : [{ kind: "log", project, n, hash }];
}

/** The App's numbers after `after`, one at a time, with its newest release; `next` absent after the last one. */
export async function readAppNumbers(
  db: Db,
  project: string,
  after: string | undefined,
): Promise<{ line?: AppLine; at: string; next?: string | undefined } | undefined> {
  const page = await readPage(db, lists.appStates(project), { limit: 1, after });
  const [item] = page.items;
  if (item === undefined) return undefined;
  const { app, epoch, generation, release: number, commit } = appRecordSchema.parse(item);
  const release = number === 0 ? undefined : await getRelease(db, project, app, number);
  const line: AppLine = {
    kind: "app",
    project,
    app,
    epoch,
    generation,
    number,
    ...(commit === undefined ? {} : { commit }),
    ...(release === undefined ? {} : { release }),
  };
  return { line, at: String(item["sk"]), next: page.next };
}
