/** go-containerregistry's own OCI registry, in memory, on a free port of this machine. */
import { join } from "node:path";
import { ensureTool } from "../../cli/dev/tools.ts";
import { startServer } from "../../functions/local/leash.ts";

export interface TestRegistry {
  /** `127.0.0.1:5000` */
  host: string;
  stop(): Promise<void>;
}

export async function startRegistry(): Promise<TestRegistry> {
  const program = join(await ensureTool("registry"), "registry");
  const { port, child } = await startServer({
    name: "OCI registry",
    command: (port) => ({ command: program, args: ["-port", String(port)] }),
    ready: async (_port, child) => /serving on port/.test(child.output()),
    portTaken: /address already in use/,
    readyMsMax: 30_000,
  });
  return { host: `127.0.0.1:${port}`, stop: () => child.stop() };
}
