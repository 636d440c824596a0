/**
 * `npm run sim -- --seeds N [--from S] | --seed S [--engine dynoxide] [--story]`: runs seeds. A broken one is told in one line
 * that runs it again, with the last of what happened, or all of it.
 */
import { parseArgs } from "node:util";
import { beside, type Beside } from "./beside.ts";
import { runSeed } from "./run.ts";

const STORY_LINES = 40;

async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      seeds: { type: "string", default: "100" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      engine: { type: "string", default: "memory" },
      story: { type: "boolean", default: false },
    },
  });
  const from = Number(values.seed ?? values.from);
  const to = values.seed === undefined ? from + Number(values.seeds) : from + 1;
  const second: Beside | undefined = values.engine === "dynoxide" ? await beside() : undefined;
  const began = performance.now();
  const sum = { assignments: 0, gates: 0, returns: 0, releases: 0 };
  let broken = 0;
  for (let seed = from; seed < to; seed += 1) {
    const outcome = await runSeed(String(seed), second === undefined ? {} : { beside: await second.open() });
    if (outcome.kind === "held") {
      for (const [name, count] of Object.entries(outcome.checked))
        sum[name as keyof typeof outcome.checked] += count;
      sum.releases += outcome.releases;
      continue;
    }
    broken += 1;
    console.log(`npm run sim -- --seed ${seed}    # ${outcome.what}`);
    if (values.seed !== undefined || broken === 1)
      for (const line of outcome.story.slice(values.story ? 0 : -STORY_LINES)) console.log(`  ${line}`);
  }
  await second?.stop();
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${to - from} seeds, ${broken} broken, ${seconds.toFixed(1)} s: ${sum.releases} releases, ${sum.assignments} assignments, ${sum.gates} gates and ${sum.returns} returns checked`,
  );
  return broken === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
