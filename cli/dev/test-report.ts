/**
 * A reporter for the test runner that writes down what its JSON report leaves out: why a test was skipped. The file is
 * named by FAIRLEAD_TEST_REPORT; `cli/dev/test.ts` reads it.
 */
import { writeFile } from "node:fs/promises";
import type { Reporter, TestModule } from "vitest/node";
import * as z from "zod";

export const REPORT_VARIABLE = "FAIRLEAD_TEST_REPORT";
export const reportSchema = z.object({
  passed: z.number(),
  /** Tests, and files that could not even be loaded. */
  failed: z.number(),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
});
export type TestReport = z.infer<typeof reportSchema>;

export default class TestReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const file = process.env[REPORT_VARIABLE];
    if (file === undefined) throw new Error(`${REPORT_VARIABLE} is not set: run the tests by \`npm test\``);
    await writeFile(file, JSON.stringify(summarize(modules)));
  }
}

function summarize(modules: readonly TestModule[]): TestReport {
  const report: TestReport = { passed: 0, failed: 0, skipped: [] };
  for (const module of modules) {
    const before = report.failed;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === "passed") report.passed += 1;
      else if (result.state === "failed") report.failed += 1;
      else
        report.skipped.push({
          name: test.fullName,
          reason: result.state === "skipped" ? (result.note ?? "no reason given") : "it did not run",
        });
    }
    if (!module.ok() && report.failed === before) report.failed += 1;
  }
  return report;
}
