/** What the hub's functions counted of their own work: a row for each function and day, gone after a quarter. */
import { COUNTERS, sumOf, type Counts } from "#core/counters.ts";
import * as z from "zod";
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

const DAY_MS = 86_400_000;
const KEPT_MS = 90 * DAY_MS;

const rowSchema = z.object({ name: z.string(), since: z.number() });
/** A counter that nothing was counted by is absent. */
const countedSchema = z.partialRecord(z.enum(COUNTERS), z.number());

export interface MeterRow {
  name: string;
  since: number;
  counts: Counts;
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Added to what is there, so there is no condition to lose: many instances of a function share a row. */
export async function addCounts(
  db: Db,
  { name, counts, at }: { name: string; counts: Counts; at: number },
): Promise<void> {
  const counted = COUNTERS.filter((counter) => counts[counter] > 0);
  if (counted.length === 0) return;
  const adds = counted.map((counter) => `#${counter} :${counter}`).join(", ");
  await db.update(keys.meter(dayOf(at), name), {
    text: `SET #name = :name, #expires = :expires, #meteredAt = :at, #since = if_not_exists(#since, :at) ADD ${adds}`,
    names: {
      name: "name",
      expires: "expires",
      meteredAt: "meteredAt",
      since: "since",
      ...Object.fromEntries(counted.map((counter) => [counter, counter])),
    },
    values: {
      name,
      at,
      expires: Math.ceil((at + KEPT_MS) / 1000),
      ...Object.fromEntries(counted.map((counter) => [counter, counts[counter]])),
    },
  });
}

/** Of the last `days` days, today among them. */
export async function listCounts(db: Db, days: number, now: number): Promise<MeterRow[]> {
  const asked = Array.from({ length: days }, (_, ago) => lists.meter(dayOf(now - ago * DAY_MS)));
  const items = await readAll(db, asked.flat());
  return items.map(rowOf);
}

function rowOf(item: Record<string, unknown>): MeterRow {
  const { name, since } = rowSchema.parse(item);
  const told = COUNTERS.flatMap((counter) => (counter in item ? [[counter, item[counter]]] : []));
  return { name, since, counts: sumOf([countedSchema.parse(Object.fromEntries(told))]) };
}
