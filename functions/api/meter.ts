/** What the hub used in the last days, what that costs, and what a month of one cluster would. */
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import {
  billOf,
  METER_DAYS_MAX,
  meterViewSchema,
  NOT_COUNTED,
  sumOf,
  usdPerClusterMonth,
  type MeterView,
} from "#core/meter.ts";
import { PRICES } from "#core/prices.ts";
import { HUB_PROJECT } from "#core/project.ts";
import type { Meter } from "../meter/meter.ts";
import type { Db } from "../store/db.ts";
import { listCounts, type MeterRow } from "../store/meter.ts";
import { listProjects, listResources } from "../store/resource.ts";
import { authorize, type ApiEnv } from "./caller.ts";
import { createApi, json, route } from "./route.ts";

const days = z.coerce.number().int().min(1).max(METER_DAYS_MAX).default(7);
const get = route({
  method: "get",
  path: "/meter",
  summary: "What the hub used, and what it costs by the price list",
  request: { query: z.object({ days }) },
  responses: { 200: json(meterViewSchema, "Counts of each function, and the arithmetic of their bill") },
});

interface Deps {
  db: Db;
  now: () => number;
  meter?: Meter | undefined;
}

export function meterRoutes(deps: Deps): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(get, async (context) => {
    await authorize(deps.db, context, HUB_PROJECT, { verb: "read", noun: "hub" });
    const rows = await listCounts(deps.db, context.req.valid("query").days, deps.now());
    return context.json(viewOf(deps, rows, await countClusters(deps.db)), 200);
  });
  return routes;
}

async function countClusters(db: Db): Promise<number> {
  const all = (await listProjects(db)).map((project) => listResources(db, "Cluster", project));
  return (await Promise.all(all)).flat().length;
}

function viewOf({ now, meter }: Deps, rows: readonly MeterRow[], clusters: number): MeterView {
  const until = now();
  // What this process has not written down yet is known to it alone.
  const mine = meter === undefined ? [] : [{ name: meter.name, counts: meter.counts }];
  const all = [...rows, ...mine];
  const functions = [...new Set(all.map(({ name }) => name))].sort().map((name) => ({
    name,
    counts: sumOf(all.filter((row) => row.name === name).map(({ counts }) => counts)),
  }));
  const total = sumOf(functions.map(({ counts }) => counts));
  const bill = billOf(total);
  const usd = bill.reduce((sum, item) => sum + item.usd, 0);
  const since = rows.length === 0 ? undefined : Math.min(...rows.map((row) => row.since));
  const month = usdPerClusterMonth(usd, { since, until, clusters });
  return {
    ...(since === undefined ? {} : { since }),
    until,
    clusters,
    functions,
    total,
    bill,
    usd,
    ...(month === undefined ? {} : { usdPerClusterMonth: month }),
    prices: { date: PRICES.date, region: PRICES.region },
    notCounted: [...NOT_COUNTED],
  };
}
