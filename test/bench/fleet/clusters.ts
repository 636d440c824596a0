/** The simulated clusters of the `fleet` bench, all in one process beside the hub's. */
import { mapBounded } from "../../../agent/slots.ts";
import { startCluster } from "./cluster.ts";
import { add, serve, tell, type Asked, type Counts } from "./words.ts";

const REGISTERED_AT_ONCE = 8;

const counts: Counts = {};
const healthy = new Map<string, number>();

async function start({ tokens, apps }: Extract<Asked, { kind: "clusters" }>): Promise<void> {
  const news = {
    count: (what: string) => add(counts, what),
    healthy: (commit: string) => {
      const count = (healthy.get(commit) ?? 0) + 1;
      healthy.set(commit, count);
      if (count === tokens.length * apps) tell({ kind: "healthy", commit });
    },
  };
  await mapBounded(tokens, REGISTERED_AT_ONCE, (token) => startCluster(token, news));
  tell({ kind: "clusters" });
}

serve(async (asked) => {
  if (asked.kind === "clusters") await start(asked);
  if (asked.kind === "counts") tell({ kind: "counts", id: asked.id, counts });
  if (asked.kind === "stop") process.exit(0);
});
