/** The hub of the `fleet` bench: a process of its own, so that its processor time and its profile are its own. */
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

serve(async (asked) => {
  if (asked.kind === "hub") await open(asked);
  if (asked.kind === "counts") tell({ kind: "counts", id: asked.id, counts });
  if (asked.kind === "stop") {
    await hub?.stop();
    process.exit(0);
  }
});
