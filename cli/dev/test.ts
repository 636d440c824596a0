/**
 * `npm test`: builds what the tests need, runs them, and ends with the counts from the runner's own report. A run
 * without tests is a failure, and each skipped test prints its reason.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { REPORT_VARIABLE, reportSchema, type TestReport } from "./test-report.ts";
import { ensureTool } from "./tools.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

async function main(argv: readonly string[]): Promise<number> {
  const long = argv.includes("--long");
  const patterns = argv.filter((argument) => argument !== "--long");
  for (const tool of ["leash", "render-engine", "kubernetes"] as const) await ensureTool(tool);
  const folder = await mkdtemp(join(tmpdir(), "fairlead-test-"));
  try {
    const file = join(folder, "report.json");
    const reporters = ["--reporter=default", `--reporter=${join(root, "cli/dev/test-report.ts")}`];
    const code = await vitest(["run", "--config", "test/vitest.config.ts", ...reporters, ...patterns], {
      [REPORT_VARIABLE]: file,
      ...(long ? { FAIRLEAD_LONG: "1" } : {}),
    });
    return tell(await readReport(file), code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Signals are left to the runner, which ends its workers; this process stays to tidy up after it. */
function vitest(args: readonly string[], env: Record<string, string>): Promise<number> {
  const program = join(root, "node_modules", "vitest", "vitest.mjs");
  const child = spawn(process.execPath, [program, ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // On a terminal Ctrl-C already went to both.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  return new Promise((resolve, reject) =>
    child.once("error", reject).once("exit", (code) => resolve(code ?? 1)),
  );
}

/** A runner that ended before its report leaves none: nothing was tested then. */
async function readReport(file: string): Promise<TestReport> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? { passed: 0, failed: 0, skipped: [] } : reportSchema.parse(JSON.parse(text));
}

function tell({ passed, failed, skipped }: TestReport, code: number): number {
  for (const { name, reason } of skipped) process.stdout.write(`skipped: ${name}: ${reason}\n`);
  if (passed + failed === 0)
    process.stdout.write("no test ran: that is a failure; check the names given to `npm test`\n");
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  return passed + failed === 0 || failed > 0 ? code || 1 : code;
}

process.exitCode = await main(process.argv.slice(2));
