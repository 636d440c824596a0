/**
 * What the agent knows of one App, kept in the cluster: the statement it obeys, whether that was fully applied, and
 * after a removal the numbers that an old statement must not pass. Written before the first object is touched.
 */
import * as z from "zod";
import { bundleRefSchema } from "#core/bundle.ts";
import { hookMemorySchema } from "#core/hook-run.ts";
import { nameSchema } from "#core/metadata.ts";
import { statementSchema, type Held } from "#core/statement.ts";
import type { Kube } from "../kube/port.ts";
import { readState, writeState } from "./system.ts";

const INDEX = "fairlead-apps";
const APPS_KEPT_MAX = 2000;

const recordSchema = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("kept"),
    statement: statementSchema,
    digest: z.string(),
    /** Once true, a live object that differs is drift and no longer work to do. */
    applied: z.boolean(),
    /** Where the bundle lies; absent for an order to remove. */
    bundle: z.object({ slot: z.enum(["a", "b"]), chunks: z.number().int().positive() }).optional(),
    /** The hooks of this generation, so that none runs twice. */
    hooks: hookMemorySchema.optional(),
    /** The release that was wholly applied before this one. */
    from: z.number().int().positive().optional(),
    /** What lies at `bundle` under an order to remove: its hooks of deletion are in there. */
    last: z.object({ namespace: z.string(), bundle: bundleRefSchema }).optional(),
  }),
  z.object({
    state: z.literal("removed"),
    epoch: z.number().int(),
    generation: z.number().int(),
    floor: z.number().int(),
    release: z.number().int(),
    digest: z.string(),
  }),
]);
export type AppRecord = z.infer<typeof recordSchema>;
export type KeptRecord = Extract<AppRecord, { state: "kept" }>;

const indexSchema = z.array(nameSchema).max(APPS_KEPT_MAX);

export function heldOf(record: AppRecord): Held {
  const { epoch, generation, floor } = record.state === "kept" ? record.statement : record;
  return { epoch, generation, floor, digest: record.digest };
}

/** What a new record has to know of the one that it replaces; the same statement again has run its hooks. */
export function inherited(
  before: AppRecord | undefined,
  digest: string,
): Pick<KeptRecord, "hooks" | "from" | "last"> {
  if (before?.state !== "kept") return {};
  const { statement, applied, hooks, from, last } = before;
  const { order, release } = statement;
  if (before.digest === digest) return { hooks, from, last };
  if (order.action === "remove") return { from, last };
  return { from: applied ? release : from, last: { namespace: order.namespace, bundle: order.bundle } };
}

/** Names of all Apps with a record, sorted; a name may stand here before its record is written. */
export async function readIndex(kube: Kube): Promise<string[]> {
  const values = await readState(kube, "ConfigMap", INDEX);
  if (values?.["apps"] === undefined) return [];
  return indexSchema.parse(JSON.parse(values["apps"]));
}

export async function writeIndex(kube: Kube, apps: Iterable<string>): Promise<void> {
  await writeState(kube, "ConfigMap", INDEX, { apps: JSON.stringify([...apps].sort()) });
}

export async function readRecord(kube: Kube, app: string): Promise<AppRecord | undefined> {
  const values = await readState(kube, "Secret", `fairlead-app-${app}`);
  return values?.["record"] === undefined ? undefined : recordSchema.parse(JSON.parse(values["record"]));
}

export async function writeRecord(kube: Kube, app: string, record: AppRecord): Promise<void> {
  await writeState(kube, "Secret", `fairlead-app-${app}`, { record: JSON.stringify(record) });
}
