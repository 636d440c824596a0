/** `fairlead cost`: what the hub used in the last days by its own meter, and the arithmetic of what that costs. */
import { buildCommand } from "@stricli/core";
import { METER_DAYS_MAX, meterViewSchema, type MeterView } from "#core/meter.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context, Io } from "../io.ts";
import { printAs, type Table } from "../print.ts";

export const cost = buildCommand<HubFlags & OutputFlags & { days: number }, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const view = await hub.get(`/v1/meter?days=${flags.days}`, meterViewSchema);
    printAs(this.io, flags.output, view, () => table(view));
    if (flags.output === "table") tell(this.io, view);
  },
  parameters: {
    flags: {
      ...hubFlags,
      output: outputFlag,
      days: {
        kind: "parsed",
        parse: daysOf,
        default: "7",
        brief: `so many days back, at most ${METER_DAYS_MAX}`,
      },
    },
    aliases: { o: "output" },
  },
  docs: { brief: "Show what the hub used, and what that costs by the price list" },
});

function daysOf(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > METER_DAYS_MAX)
    throw new RangeError(`${text} is no number of days: give one from 1 to ${METER_DAYS_MAX}`);
  return days;
}

const money = (usd: number): string => `$${usd.toPrecision(3)}`;

function table({ bill, usd, total }: MeterView): Table {
  const { idlePolls, fetches, heartbeats, reports, bundles, otherOfAgents, people } = total;
  const asked = { idlePolls, fetches, heartbeats, reports, bundles, otherOfAgents, people };
  const rows = [
    ...Object.entries(asked).map(([kind, count]) => [WORDS[kind] ?? kind, count, "", ""]),
    ...bill.map(({ item, quantity, unit, price, usd: of }) => [
      item,
      `${Number(quantity.toPrecision(4))} ${unit}s`,
      `× ${money(price)}`,
      money(of),
    ]),
    ["together", "", "", money(usd)],
  ];
  return { columns: ["what", "count", "price", "cost"], rows, empty: "" };
}

const WORDS: Record<string, string> = {
  idlePolls: "polls answered 304",
  fetches: "polls answered 200",
  otherOfAgents: "other requests of agents",
  people: "requests of people",
};

function tell(io: Io, { usdPerClusterMonth: month, clusters, prices, notCounted }: MeterView): void {
  const told =
    month === undefined
      ? "too little was seen yet to say what a month costs"
      : `${money(month)} for each of ${clusters} clusters in 30 days like these`;
  io.stderr.write(`${told}; prices of ${prices.region}, ${prices.date}\n`);
  io.stderr.write(`not counted: ${notCounted.join("; ")}\n`);
}
