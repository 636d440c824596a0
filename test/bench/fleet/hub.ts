/** The hub of the `fleet` bench: a process of its own, so that its processor time and its profile are its own. */
import { writeFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { startHub, type LocalHub } from "../../../functions/local/hub.ts";
import { add, serve, tell, type Asked, type Counts } from "./words.ts";

const counts: Counts = {};
let hub: LocalHub | undefined;

async function open({ dataDir, wasmFile }: Extract<Asked, { kind: "hub" }>): Promise<void> {
  hub = await startHub({
    dataDir,
    wasmFile,
    port: 0,
    log: (entry) => {
      add(counts, "log lines");
      process.stderr.write(`hub: ${JSON.stringify(entry).slice(0, 500)}\n`);
    },
    onUnits: (operation, units) => {
      add(counts, `${operation} calls`);
      add(counts, `${operation} units`, units);
    },
    onWork: (what, count) => add(counts, what, count),
  });
  tell({ kind: "hub", url: hub.url, apiToken: hub.apiToken });
}

/** Of this thread alone, once its engine is compiled: `--cpu-prof` from the start stalls the render engine for minutes. */
const session = new Session();
let profile: string | undefined;

async function startProfile(file: string): Promise<void> {
  profile = file;
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.start");
}

async function endProfile(file: string): Promise<void> {
  await writeFile(file, JSON.stringify((await session.post("Profiler.stop")).profile));
}

serve(async (asked) => {
  if (asked.kind === "hub") await open(asked);
  if (asked.kind === "counts") tell({ kind: "counts", id: asked.id, counts });
  if (asked.kind === "profile") await startProfile(asked.file);
  if (asked.kind === "stop") {
    if (profile !== undefined) await endProfile(profile);
    await hub?.stop();
    process.exit(0);
  }
});
