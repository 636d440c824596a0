/** `npm run bench -- [table] [cost] [init] [render] [agent] [line] [fleet]`: measures on this machine and says so; without names, everything. */
import { cpus, release } from "node:os";
import { benchAgent } from "./agent.ts";
import { benchCost } from "./cost.ts";
import { benchFleet } from "./fleet.ts";
import { benchInit } from "./init.ts";
import { benchLine } from "./line.ts";
import { benchRender } from "./render.ts";
import { benchTable } from "./table.ts";

const benches = {
  table: benchTable,
  cost: benchCost,
  init: benchInit,
  render: benchRender,
  agent: benchAgent,
  line: benchLine,
  fleet: benchFleet,
};
type Name = keyof typeof benches;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0)
  throw new Error(`no bench ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}`);
const names = (asked.length > 0 ? asked : Object.keys(benches)) as Name[];
process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model ?? "?"}, Linux ${release()}, Node ${process.versions.node}\n`,
);
for (const name of names) {
  const figures = await benches[name]();
  process.stdout.write(`\n${name}\n`);
  for (const [what, figure] of Object.entries(figures))
    process.stdout.write(`  ${what.padEnd(58)} ${figure}\n`);
}
