/**
 * How long a fetch takes, by the number of files, from a server on this machine:
 * `node test/functions/source/git-bench.ts 200 5000`. Prints the median of five and the memory at its highest.
 */
import { fetchCommit } from "../../../functions/source/git.ts";
import { commitFiles, git, gitFixture, manyFiles } from "./git-fixture.ts";

const RUNS = 5;

async function measure(url: string, commit: string): Promise<number> {
  const start = performance.now();
  const result = await fetchCommit({ http: fetch, url, ref: { branch: "main" }, commit });
  if (result.kind === "failed") throw new Error(`${result.code}: ${result.message}`);
  return performance.now() - start;
}

const fixture = await gitFixture();
try {
  for (const count of process.argv.slice(2).map(Number)) {
    const bare = await fixture.repository(`bench-${count}.git`);
    const commit = await commitFiles(bare, manyFiles(count));
    await git(bare, "repack", "-adfq");
    const times: number[] = [];
    for (let run = 0; run < RUNS; run += 1)
      times.push(await measure(fixture.url(`bench-${count}.git`), commit));
    const median = times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
    const peak = process.resourceUsage().maxRSS / 1024;
    console.log(
      `${count} files: ${median.toFixed(0)} ms, first ${times[0]?.toFixed(0)} ms, peak ${peak.toFixed(0)} MiB`,
    );
  }
} finally {
  await fixture.close();
}
