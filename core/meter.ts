/** What the hub tells of what it counted, and what that costs by the price list: the arithmetic that a bill is checked with. */
import * as z from "zod";
import { COUNTERS, type Counts } from "./counters.ts";
import { PRICES } from "./prices.ts";

export * from "./counters.ts";

export const countsSchema = z.record(z.enum(COUNTERS), z.number());

const billItemSchema = z.object({
  item: z.string(),
  quantity: z.number(),
  unit: z.string(),
  /** In USD, of one unit. */
  price: z.number(),
  usd: z.number(),
});
export type BillItem = z.infer<typeof billItemSchema>;

/** What nobody counts at run time; `npm run bench -- cost` bounds it. */
export const NOT_COUNTED = [
  "storage and its copies",
  "requests to the object store",
  "events of the bus and schedules",
  "headers that the platform adds",
  "plans and garbage collection",
  "what an instance did since it last wrote down its counts, when it ends",
] as const;

export const METER_DAYS_MAX = 31;
export const meterViewSchema = z.object({
  since: z.number().optional(),
  until: z.number(),
  clusters: z.number().int(),
  functions: z.array(z.object({ name: z.string(), counts: countsSchema })),
  total: countsSchema,
  bill: z.array(billItemSchema),
  usd: z.number(),
  /** What 30 days like these cost for each cluster; absent as long as too little was seen. */
  usdPerClusterMonth: z.number().optional(),
  prices: z.object({ date: z.string(), region: z.string() }),
  notCounted: z.array(z.string()),
});
export type MeterView = z.infer<typeof meterViewSchema>;

const GB = 1e9;
const MB_MS_IN_GB_S = 1024 * 1000;

export function billOf(counts: Counts): BillItem[] {
  const priced = (item: string, quantity: number, unit: string, price: number): BillItem => ({
    item,
    quantity,
    unit,
    price,
    usd: quantity * price,
  });
  return [
    priced("calls of functions", counts.calls, "call", PRICES.lambdaRequest),
    priced("their time", counts.mbMs / MB_MS_IN_GB_S, "GB-second", PRICES.lambdaGbSecond),
    priced("reads of the table", counts.readUnits, "read unit", PRICES.readUnit),
    priced("writes of the table", counts.writeUnits, "write unit", PRICES.writeUnit),
    priced("bytes out", counts.bytesOut / GB, "GB", PRICES.outGb),
    priced("logs", counts.logBytes / GB, "GB", PRICES.logGb),
  ];
}

/** Less says nothing of a month. */
const SEEN_MS_MIN = 10 * 60_000;
const MONTH_MS = 30 * 86_400_000;

/** `since` is undefined while nothing was written down. */
export function usdPerClusterMonth(
  usd: number,
  { since, until, clusters }: { since: number | undefined; until: number; clusters: number },
): number | undefined {
  const seen = since === undefined ? 0 : until - since;
  return clusters === 0 || seen < SEEN_MS_MIN ? undefined : ((usd / seen) * MONTH_MS) / clusters;
}
