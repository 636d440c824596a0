/**
 * What the hub knows of charts: of each App what was found where its chart is, and of each version of a chart which
 * archive it was when this project saw it first. A pin is written once and never changed.
 */
import * as z from "zod";
import { chartStateSchema, type ChartState } from "#core/chart-state.ts";
import { digestOf } from "#core/digest.ts";
import type { Db } from "./db.ts";
import { keys } from "./table.ts";

const recordSchema = z.object({
  project: z.string(),
  app: z.string(),
  version: z.number().int(),
  state: chartStateSchema,
});
export type ChartRecord = z.infer<typeof recordSchema>;

export async function getChartRecord(db: Db, project: string, app: string): Promise<ChartRecord | undefined> {
  const item = await db.get(keys.chartState(project, app), { consistent: true });
  return item === undefined ? undefined : recordSchema.parse(item);
}

/** `before` is what was read; lost when it is no longer so. */
export async function putChartState(
  db: Db,
  project: string,
  app: string,
  state: ChartState,
  before: ChartRecord | undefined,
): Promise<"written" | "lost"> {
  const version = (before?.version ?? 0) + 1;
  const item = { ...keys.chartState(project, app), project, app, version, state };
  if (before === undefined) return db.put(item, { text: "attribute_not_exists(pk)" });
  const names = { version: "version" };
  return db.put(item, { text: "#version = :was", names, values: { was: before.version } });
}

const pinSchema = z.object({
  project: z.string(),
  /** `oci://host/path/name`. */
  chart: z.string(),
  version: z.string(),
  /** SHA-256 of the archive, 64 hex digits. */
  digest: z.string(),
  at: z.number(),
});
export type ChartPin = z.infer<typeof pinSchema>;

export async function getChartPin(
  db: Db,
  { project, chart, version }: Pick<ChartPin, "project" | "chart" | "version">,
): Promise<ChartPin | undefined> {
  const item = await db.get(keys.chartPin(project, digestOf([chart, version])), { consistent: true });
  return item === undefined ? undefined : pinSchema.parse(item);
}

/** Lost where there is one already: then that one holds. */
export async function putChartPin(db: Db, pin: ChartPin): Promise<"written" | "lost"> {
  const { project, chart, version } = pin;
  const key = keys.chartPin(project, digestOf([chart, version]));
  return db.put({ ...key, ...pin }, { text: "attribute_not_exists(pk)" });
}

/** Its archive is then nobody's; the pins stay. Lost where it was written meanwhile. */
export async function deleteChartState(db: Db, project: string, app: string): Promise<"written" | "lost"> {
  const before = await getChartRecord(db, project, app);
  if (before === undefined) return "written";
  const was = { text: "#version = :was", names: { version: "version" }, values: { was: before.version } };
  return db.delete(keys.chartState(project, app), was);
}
