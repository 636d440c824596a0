/**
 * `sst deploy` of the repository's own configuration to an emulator of AWS: SST's real program, Pulumi's real engine, the
 * project's own provider (`provider/`), and MiniStack with its check of signatures and roles. Nothing of it reaches beyond
 * loopback but SST's own server, and it is all gone after `stop`.
 */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { GetFunctionUrlConfigCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import * as z from "zod";
import { cacheFolder } from "../../../cli/dev/build.ts";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { startMiniStack, type MiniStack } from "../ministack.ts";
import { startFront, type Front } from "./front.ts";
import { sstEnvironment, sstPlatform } from "./platform.ts";
import { accountOf, layOut, runSst } from "./run.ts";

const outputsSchema = z.object({
  api: z.string(),
  agents: z.string(),
  table: z.string(),
  deadLetters: z.string(),
  signingKeys: z.string(),
});
type Outputs = z.infer<typeof outputsSchema>;

export interface Call {
  act: "create" | "update" | "delete";
  type: string;
  name: string;
}

export interface Deployment {
  aws: MiniStack;
  folder: string;
  /** Of the AWS account, for any SDK. */
  env: Record<string, string>;
  /** Where people's API and the agents' endpoints answer, by a front each. */
  urls: { api: string; agents: string };
  /** `npx sst secret set NAME < FILE`. */
  setSecret(name: string, text: string): Promise<void>;
  /** What the provider was asked to do. */
  deploy(): Promise<Call[]>;
  remove(): Promise<Call[]>;
  /** What `sst.config.ts` returns. */
  outputs(): Promise<Outputs>;
  stop(): Promise<void>;
}

export interface DeploymentOptions {
  stage: string;
  /** For the emulator, and with it for the functions. */
  env?: Record<string, string>;
}

export async function startDeployment({ stage, env = {} }: DeploymentOptions): Promise<Deployment> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-deploy-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).toReversed()) await end();
  };
  try {
    await layOut(folder);
    // Functions run under the Node that runs this, as AWS's do under its own.
    const PATH = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;
    const aws = await startMiniStack({ PATH, ...env });
    stops.push(() => aws.stop());
    const fronts = { api: await startFront(aws.endpoint), agents: await startFront(aws.endpoint) };
    stops.push(
      () => fronts.api.stop(),
      () => fronts.agents.stop(),
    );
    const account = accountOf(aws);
    const given = { ...(await engineEnvironment(folder, fronts)), ...account };
    const sst = async (command: string): Promise<Call[]> => {
      await writeFile(given.FAIRLEAD_SST_CALLS, "");
      await runSst([command, "--stage", stage], folder, given);
      return callsIn(given.FAIRLEAD_SST_CALLS);
    };
    return {
      aws,
      folder,
      env: account,
      urls: { api: fronts.api.url, agents: fronts.agents.url },
      setSecret: async (name, text) => {
        await runSst(["secret", "set", name, "--stage", stage], folder, given, text);
      },
      deploy: async () => {
        const calls = await sst("deploy");
        await lead(fronts, account);
        return calls;
      },
      remove: () => sst("remove"),
      outputs: async () =>
        outputsSchema.parse(JSON.parse(await readFile(join(folder, ".sst/outputs.json"), "utf8"))),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function callsIn(file: string): Promise<Call[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Call);
}

/** The function behind each front, by the name that SST gave it. */
async function lead(fronts: Record<"api" | "agents", Front>, env: Record<string, string>): Promise<void> {
  const client = new LambdaClient(clientConfig(env));
  const { Functions = [] } = await client.send(new ListFunctionsCommand({ MaxItems: 50 }));
  for (const [front, part] of [
    [fronts.api, "-ApiFunction-"],
    [fronts.agents, "-AgentsFunction-"],
  ] as const) {
    const FunctionName = Functions.map((found) => found.FunctionName).find((name) => name?.includes(part));
    const { FunctionUrl = "" } = await client.send(new GetFunctionUrlConfigCommand({ FunctionName }));
    front.leadTo(new URL(FunctionUrl).hostname);
  }
  client.destroy();
}

/** For clients in this process, whose own environment names no account. */
export function clientConfig(env: Readonly<Record<string, string>>) {
  return {
    endpoint: env["AWS_ENDPOINT_URL"] ?? "",
    region: env["AWS_REGION"] ?? "",
    credentials: {
      accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "",
      secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "",
    },
  };
}

/** SST's folder of configuration, with the engine and the providers in it. */
async function engineEnvironment(folder: string, fronts: Record<"api" | "agents", Front>) {
  const script = (file: string): string =>
    `import(${JSON.stringify(new URL(file, import.meta.url).href)});\n`;
  const sst = await sstEnvironment(folder, script("pulumi.ts"));
  for (const [name, version] of [
    ["aws", "7.20.0"],
    ["random", "4.16.6"],
  ] as const) {
    const plugin = join(folder, ".config/sst/plugins", `resource-${name}-v${version}`);
    await mkdir(plugin, { recursive: true });
    await writeFile(join(plugin, "package.json"), JSON.stringify({ type: "commonjs" }));
    const program = join(plugin, `pulumi-resource-${name}`);
    await writeFile(program, `#!${process.execPath}\n${script("provider/main.ts")}`);
    await chmod(program, 0o755);
  }
  return {
    ...sst,
    HOME: folder,
    // Another home would have the built tools made anew.
    FAIRLEAD_CACHE: cacheFolder(),
    FAIRLEAD_PULUMI: join(await ensureTool("pulumi"), "pulumi"),
    FAIRLEAD_SST_PLATFORM: join(await sstPlatform(), ".sst/platform/package.json"),
    FAIRLEAD_SST_CALLS: join(folder, "calls.jsonl"),
    FAIRLEAD_SST_URLS: JSON.stringify({ ApiUrl: `${fronts.api.url}/`, AgentsUrl: `${fronts.agents.url}/` }),
  };
}
