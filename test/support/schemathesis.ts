/** Schemathesis: asks a live API thousands of questions made from its own OpenAPI document, and checks each answer. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { startLeashed } from "../../functions/local/leash.ts";
import { ensurePythonTool } from "./python-tool.ts";
import { until } from "./wait.ts";

const PACKAGES = [
  "schemathesis==4.32.5",
  "anyio==4.16.0",
  "certifi==2026.10.18",
  "charset-normalizer==3.5.2",
  "click==8.5.1",
  "graphql-core==3.3.2",
  "harfile==0.6.0",
  "hypothesis==6.170.15",
  "hypothesis-graphql==0.13.5",
  "idna==3.20",
  "iniconfig==2.3.1",
  "jsonschema_rs==0.60.3",
  "markdown-it-py==4.3.0",
  "MarkupSafe==3.0.4",
  "mdurl==0.1.2",
  "packaging==26.3",
  "pluggy==1.7.0",
  "Pygments==2.21.0",
  "pyrate-limiter==4.5.1",
  "pytest==9.2.0",
  "PyYAML==6.0.3",
  "requests==2.34.2",
  "rich==15.0.0",
  "sortedcontainers==2.4.0",
  "typing_extensions==4.16.0",
  "urllib3==2.8.0",
  "Werkzeug==3.1.9",
] as const;
const RUN_MS_MAX = 10 * 60_000;
const TELL_CHARS_MAX = 20_000;

const reportSchema = z.object({
  complete: z.boolean(),
  operations: z.object({ total: z.number(), selected: z.number(), tested: z.number() }),
  test_cases: z.object({ generated: z.number(), errored: z.number() }),
  failures: z.array(z.object({ code: z.string(), title: z.string(), operations: z.array(z.string()) })),
  errors: z.array(z.unknown()),
  /** By operation and phase: how many good requests were answered well. */
  valid_rates: z.record(z.string(), z.record(z.string(), z.object({ accepted: z.number() }))),
});
export type SchemathesisReport = z.infer<typeof reportSchema>;

export interface SchemathesisRun {
  /** Where the API and its `/openapi.json` are. */
  url: string;
  token: string;
  /** The text of `schemathesis.toml`. */
  config: string;
  args: readonly string[];
}

/** The report, and where it is not clean what the program printed. */
export async function schemathesis(
  run: SchemathesisRun,
): Promise<{ report: SchemathesisReport; told: string }> {
  const program = await ensurePythonTool({ name: "Schemathesis", packages: PACKAGES, program: "st" });
  const folder = await mkdtemp(join(tmpdir(), "fairlead-schemathesis-"));
  const [config, file] = [join(folder, "schemathesis.toml"), join(folder, "report.json")];
  await writeFile(config, run.config);
  let told = "";
  // It leaves a folder of examples where it stands.
  const child = await startLeashed({
    command: "sh",
    args: ["-c", 'cd "$0" && exec "$@"', folder, program, ...argsOf(run, config, file)],
    env: { NO_COLOR: "1", COLUMNS: "120" },
    onOutput: (text) => (told = (told + text).slice(-TELL_CHARS_MAX)),
  });
  try {
    await until("Schemathesis ends", async () => child.ended() !== undefined, RUN_MS_MAX);
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      throw new Error(`Schemathesis wrote no report (${child.ended()}): ${told}`, { cause: error });
    });
    return { report: reportSchema.parse(JSON.parse(text)), told };
  } finally {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function argsOf({ url, token, args }: SchemathesisRun, config: string, file: string): string[] {
  const proof = ["--header", `Authorization: Bearer ${token}`];
  return [
    "--config-file",
    config,
    "run",
    `${url}/openapi.json`,
    ...proof,
    "--report-json-path",
    file,
    ...args,
  ];
}
