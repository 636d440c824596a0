/**
 * Starts the API server on a port of its own and waits until it is ready.
 * A port is never reserved: it is taken by the bind alone, and a lost race is tried again elsewhere.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Api, call, startMsMax, waitFor } from "./api.ts";
import { apiserverFlags, type Layout } from "./flags.ts";
import type { Program } from "./programs.ts";
import { death, type Server } from "./server.ts";

export type Start = (program: Program, args: readonly string[], removeAfter?: string) => Server;

const portTriesMax = 5;

/**
 * A free port may be taken between its choice and the server's bind: then another one is tried. A foreign API
 * server on it is no danger, for it has another certificate. A kept cluster gets its old port where it is free.
 */
export async function startApiserver(
  start: Start,
  layout: Layout,
  token: string,
  controllers: boolean,
  before: readonly Server[],
): Promise<{ server: Server; api: Api }> {
  const portFile = join(layout.folder, "port");
  for (let tries = 1; ; tries += 1) {
    const wanted = existsSync(portFile) && tries === 1 ? Number(await readFile(portFile, "utf8")) : 0;
    const port = await freePort(wanted);
    const server = start("kube-apiserver", apiserverFlags(layout, port, controllers));
    const api = { url: `https://127.0.0.1:${port}`, caFile: layout.caFile, token };
    try {
      await waitFor("a ready API server", startMsMax, () => isReady(api), death([...before, server]));
      await writeFile(portFile, String(port));
      return { server, api };
    } catch (error) {
      await server.stop();
      const clash = error instanceof Error && error.message.includes("address already in use");
      if (!clash || tries === portTriesMax) throw error;
    }
  }
}

async function isReady(api: Api): Promise<true | string> {
  const { status, text } = await call(api, "GET", "/readyz");
  return status === 200 || `${status} ${text}`;
}

/** The wanted port if it is free, else one that the system chooses. */
function freePort(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => (wanted === 0 ? reject(error) : resolve(freePort(0))));
    probe.listen(wanted, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : wanted));
    });
  });
}
