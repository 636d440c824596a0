/**
 * The real Pulumi engine, as SST calls it. Its host of programs in TypeScript cannot be had offline, so the one that the
 * npm SDK brings serves the program, and the engine is told where (as Pulumi's automation does it).
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { needed } from "./provider/environment.ts";
import { pulumiVersion } from "./platform.ts";

interface Server {
  addService(definition: unknown, service: unknown): void;
  bindAsync(address: string, credentials: unknown, done: (error: Error | null, port: number) => void): void;
  forceShutdown(): void;
}
interface Grpc {
  Server: new (options: Record<string, number>) => Server;
  ServerCredentials: { createInsecure(): unknown };
}
interface Language {
  LanguageServer: new (program: () => Promise<unknown>) => { onPulumiExit(hasError: boolean): void };
}

/** Commands that run the program. */
const RUNNING = ["preview", "up", "refresh", "destroy"];
const MESSAGE_BYTES_MAX = 400 * 1024 * 1024;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  if (args[0] === "version") {
    console.log(pulumiVersion);
    return 0;
  }
  if (!RUNNING.includes(args[0] ?? "")) return engine(args);
  const { main: program } = parse(readFileSync("Pulumi.yaml", "utf8")) as { main: string };
  const { server, port } = await serve(program);
  try {
    return await engine([...args, `--client=127.0.0.1:${port}`, "--exec-kind=auto.inline"]);
  } finally {
    server.forceShutdown();
  }
}

async function serve(main: string): Promise<{ server: Server; port: number }> {
  const load = createRequire(main);
  const { LanguageServer } = load("@pulumi/pulumi/automation/server") as Language;
  const grpc = createRequire(load.resolve("@pulumi/pulumi"))("@grpc/grpc-js") as Grpc;
  const { LanguageRuntimeService } = load("@pulumi/pulumi/proto/language_grpc_pb") as {
    LanguageRuntimeService: unknown;
  };
  const language = new LanguageServer(async () => {
    const program = (await import(pathToFileURL(main).href)) as Record<string, unknown>;
    return program["default"];
  });
  const server = new grpc.Server({ "grpc.max_receive_message_length": MESSAGE_BYTES_MAX });
  server.addService(LanguageRuntimeService, language);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { server, port };
}

function engine(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
    const child = spawn(needed("FAIRLEAD_PULUMI"), args, { stdio: "inherit", env });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  });
}
