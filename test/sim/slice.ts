/** Seeds in a row, for tests: what is broken, each with the line that runs it again. */
import { runSeed } from "./run.ts";

const STORY_LINES = 25;

export async function brokenSeeds(from: number, count: number): Promise<string[]> {
  const broken: string[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const outcome = await runSeed(String(seed));
    if (outcome.kind === "held") continue;
    const story = outcome.story.slice(-STORY_LINES).join("\n");
    broken.push(`npm run sim -- --seed ${seed}    # ${outcome.what}\n${story}`);
  }
  return broken;
}
