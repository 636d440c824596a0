/**
 * What stands in for Pulumi's engine when SST is asked for a diff: runs the program that SST made of `sst.config.ts` with
 * the real SDK, answers each resource with names and ARNs made up from its own, and writes all of them, inputs included,
 * to `$FAIRLEAD_SST_DUMP`. It knows no state and creates nothing.
 */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { once } from "node:events";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import type { DumpedResource } from "./dump.ts";
import { pulumiVersion } from "./platform.ts";

/** Pulumi's mark on a value that hangs on a secret; the value itself stands beside it. */
const SECRET_MARK = "4dabf18193072939515e22adb298388d";
const ACCOUNT = "000000000000";
const REGION = process.env["AWS_REGION"] ?? "us-east-1";

type Inputs = Record<string, unknown>;
interface Asked {
  type: string;
  name: string;
  inputs: Inputs;
  /** `URN::ID`, empty for the one that the configuration names. */
  provider?: string;
  /** Of what is there already, and only looked up. */
  id?: string;
}
interface Mocks {
  newResource(args: Asked): { id: string; state: Inputs };
  call(args: { token: string; inputs: Inputs }): Inputs;
}
interface Sdk {
  runtime: {
    setMocks(mocks: Mocks, project: string, stack: string, preview: boolean): Promise<void>;
    runInPulumiStack(program: () => Promise<unknown>): Promise<unknown>;
  };
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  writeFileSync(
    `${process.env["FAIRLEAD_SST_DUMP"] ?? ""}.failed`,
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  );
  process.exitCode = 1;
});

async function main(args: string[]): Promise<void> {
  if (args[0] === "version") console.log(pulumiVersion);
  else if (args[0] === "stack" && args[1] === "init") initStack(args[2] ?? "");
  else if (args[0] === "preview") await preview(args);
}

/** `organization/project/stack` */
function initStack(name: string): void {
  const [, project = "", stack = ""] = name.split("/");
  const file = join(process.cwd(), ".pulumi/stacks", project, `${stack}.json`);
  mkdirSync(dirname(file), { recursive: true });
  const latest = {
    manifest: { time: "2026-01-01T00:00:00Z", magic: "", version: pulumiVersion },
    resources: [],
  };
  writeFileSync(file, JSON.stringify({ version: 3, checkpoint: { stack: name, latest } }));
}

async function preview(args: string[]): Promise<void> {
  const project = parse(readFileSync("Pulumi.yaml", "utf8")) as { name: string; main: string };
  const sdk = createRequire(project.main)("@pulumi/pulumi") as Sdk;
  const found: DumpedResource[] = [];
  await sdk.runtime.setMocks(mocks(found), project.name, option(args, "--stack"), false);
  await sdk.runtime.runInPulumiStack(async () => {
    const program = (await import(pathToFileURL(project.main).href)) as Record<string, unknown>;
    return program["default"];
  });
  // SST goes on with bundles and `apply`s after its program's end: all is described when nothing is left to wait for.
  await once(process, "beforeExit");
  writeFileSync(process.env["FAIRLEAD_SST_DUMP"] ?? "", JSON.stringify(found));
  const summary = {
    sequence: 1,
    timestamp: 0,
    summaryEvent: { maybeCorrupt: false, durationSeconds: 1, resourceChanges: {} },
  };
  appendFileSync(option(args, "--event-log"), `${JSON.stringify(summary)}\n`);
}

function option(args: string[], name: string): string {
  const index = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  const arg = args[index] ?? "";
  return arg.includes("=") ? arg.slice(name.length + 1) : (args[index + 1] ?? "");
}

function mocks(found: DumpedResource[]): Mocks {
  return {
    newResource: (asked) => {
      const { type, name, inputs } = asked;
      const region = regionOf(asked, found);
      const lookedUp = asked.id !== undefined && asked.id !== "";
      found.push({ type, name, region, inputs: plain(inputs) as Inputs, ...(lookedUp ? { lookedUp } : {}) });
      const service = /^aws:([a-z0-9]+)\//.exec(type)?.[1] ?? "other";
      const own = lookedUp ? asked.id : inputs["name"];
      const arn = `arn:aws:${service}:${region}:${ACCOUNT}:${name}`;
      const made = {
        arn,
        name: own ?? name,
        bucket: name,
        url: `https://${name}.example`,
        functionUrl: `https://${name}.example/`,
        streamArn: `${arn}/stream/1`,
        result: "0123456789",
        ...(lookedUp ? { bucket: asked.id, streamEnabled: true } : {}),
      };
      return { id: typeof own === "string" ? own : name, state: { ...made, ...inputs } };
    },
    call: ({ token, inputs }) => answers(token, inputs),
  };
}

/** That of its provider, which was described before. */
function regionOf({ provider = "" }: Asked, found: readonly DumpedResource[]): string {
  // A type's name comes after those of its parents.
  const [, , types = "", name] = provider.split("::");
  const type = types.split("$").at(-1);
  const own = found.find((one) => one.type === type && one.name === name)?.inputs["region"];
  return typeof own === "string" ? own : REGION;
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if (SECRET_MARK in value) return plain((value as Inputs)["value"]);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

/** What the data sources of a program on AWS answer. */
function answers(token: string, inputs: Inputs): Inputs {
  if (token.startsWith("aws:iam/getPolicyDocument"))
    return { ...inputs, json: JSON.stringify(inputs["statements"] ?? []) };
  return {
    ...inputs,
    accountId: ACCOUNT,
    region: REGION,
    name: REGION,
    id: REGION,
    partition: "aws",
  };
}
