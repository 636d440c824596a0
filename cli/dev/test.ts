/**
 * `npm test`: builds what the tests need, runs them, and ends with the counts from the runner's own report. A run
 * without tests is a failure, and each skipped test prints its reason.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ensureTool } from "./tools.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

async function main(argv: readonly string[]): Promise<number> {
  const long = argv.includes("--long");
  const patterns = argv.filter((argument) => argument !== "--long");
  for (const tool of ["leash", "render-engine", "kubernetes"] as const) await ensureTool(tool);
  const folder = await mkdtemp(join(tmpdir(), "fairlead-test-"));
  try {
    const file = join(folder, "report.json");
    const code = await vitest(
      [
        "run",
        "--config",
        "test/vitest.config.ts",
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${file}`,
        ...patterns,
      ],
      long,
    );
    return tell(reportSchema.parse(JSON.parse(await readFile(file, "utf8"))), code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function vitest(args: readonly string[], long: boolean): Promise<number> {
  const program = join(root, "node_modules", "vitest", "vitest.mjs");
  const env = { ...process.env, ...(long ? { FAIRLEAD_LONG: "1" } : {}) };
  const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: "inherit", env });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

function tell(report: z.infer<typeof reportSchema>, code: number): number {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = report;
  for (const { assertionResults } of report.testResults)
    for (const { fullName, status } of assertionResults)
      if (status === "pending" || status === "skipped" || status === "todo")
        process.stdout.write(`skipped: ${fullName}\n`);
  process.stdout.write(
    `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped\n`,
  );
  if (numPassedTests + numFailedTests === 0) return 1;
  return numFailedTests > 0 ? 1 : code;
}

process.exitCode = await main(process.argv.slice(2));
