/**
 * The embedded DynamoDB engine of a local hub: the Dynoxide binary over one SQLite file, on loopback only.
 * It is an endpoint like any other: nothing but this file knows which engine answers. Acknowledged writes are in
 * the file's log, so neither a kill of the engine nor of the hub loses one. One engine per data file.
 */
import { createRequire } from "node:module";
import { DynamoDBClient, type DynamoDBClientConfig, ListTablesCommand } from "@aws-sdk/client-dynamodb";
import { tendStream } from "./engine-file.ts";
import { startServer } from "./leash.ts";

const READY_MS_MAX = 15_000;
const READY_REQUEST_MS_MAX = 2_000;

export interface DynamoEngine {
  endpoint: string;
  /** Graceful; resolves when the process is gone. */
  stop(): Promise<void>;
}

/**
 * Starts Dynoxide on `dataFile` (made when absent) and resolves once it answers ListTables.
 * Throws where the platform has no binary, or when `port` is taken.
 */
export async function startDynoxide(options: { dataFile: string; port?: number }): Promise<DynamoEngine> {
  const command = dynoxidePath();
  const { port, child } = await startServer({
    name: "Dynoxide",
    command: (port) => ({
      command,
      args: ["serve", "--host", "127.0.0.1", "--port", String(port), "--db-path", options.dataFile],
    }),
    ready: async (port, child) => child.output().includes("listening on") && answersListTables(port),
    portTaken: /already in use/,
    readyMsMax: READY_MS_MAX,
    port: options.port,
  });
  try {
    tendStream(options.dataFile, Date.now());
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { endpoint: `http://127.0.0.1:${port}`, stop: () => child.stop() };
}

/** What the SDK's clients need for a local engine: any credentials do, but there must be some. */
export function localDynamoConfig(
  endpoint: string,
): DynamoDBClientConfig & { region: string; endpoint: string } {
  return { endpoint, region: "local", credentials: { accessKeyId: "local", secretAccessKey: "local" } };
}

/** One ListTables without retries: whether a DynamoDB engine serves this loopback port. */
export async function answersListTables(port: number): Promise<boolean> {
  const client = new DynamoDBClient({ ...localDynamoConfig(`http://127.0.0.1:${port}`), maxAttempts: 1 });
  try {
    await client.send(new ListTablesCommand({ Limit: 1 }), {
      abortSignal: AbortSignal.timeout(READY_REQUEST_MS_MAX),
    });
    return true;
  } catch {
    // Any failure means the same here: not yet. The caller has the deadline and the engine's own output.
    return false;
  } finally {
    client.destroy();
  }
}

function dynoxidePath(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    return createRequire(import.meta.url).resolve(`${name}/dynoxide`);
  } catch (cause) {
    throw new Error(
      `no embedded DynamoDB engine for ${process.platform}-${process.arch}: the package ${name} is not installed. ` +
        "Set FAIRLEAD_DYNAMODB_ENDPOINT to the URL of any DynamoDB endpoint instead, " +
        "or install again without leaving out optional dependencies.",
      { cause },
    );
  }
}
