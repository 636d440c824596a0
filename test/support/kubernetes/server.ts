/**
 * One server process under the leash: it ends when told to, and when this Node process ends, however it ends.
 * Its output goes to a file, whose end stands in the error of a server that died early.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";

export type Server = {
  name: string;
  /** The process id of the leash, whose child is the server. */
  pid: number | undefined;
  /** Rejects with the server's last words when it ends; never resolves. Race it against what you wait for. */
  died: Promise<never>;
  /** Ends the server and resolves once it is gone; more calls are harmless. */
  stop(): Promise<void>;
};

export type ServerSpec = {
  name: string;
  program: string;
  args: readonly string[];
  cwd: string;
  logFile: string;
  /** A folder to delete once this server has ended, even when Node was killed. */
  removeAfter?: string;
};

const logLinesShown = 15;
const logCharsShown = 4_000;

/** Starts a server; that it is ready is for the caller to find out. */
export function startServer(leash: string, spec: ServerSpec): Server {
  const log = openSync(spec.logFile, "w");
  const remove = spec.removeAfter === undefined ? [] : ["-remove", spec.removeAfter];
  const child = spawn(leash, [...remove, spec.program, ...spec.args], {
    cwd: spec.cwd,
    // A session of its own: Ctrl-C reaches Node alone, which then stops its servers in order.
    detached: true,
    stdio: ["pipe", log, log],
  });
  closeSync(log);
  const ended = whenEnded(child);
  const died = ended.then(async (end) => {
    throw new Error(
      `${spec.name} ended early (${end}); the end of ${spec.logFile}:\n${await logEnd(spec.logFile)}`,
    );
  });
  // Most servers are stopped while nobody waits for their death.
  died.catch(() => {});
  child.stdin?.on("error", () => {});
  return {
    name: spec.name,
    pid: child.pid,
    died,
    stop: async () => {
      child.stdin?.end();
      await ended;
    },
  };
}

/** Rejects as soon as one of the servers ends. */
export function death(servers: readonly Server[]): Promise<never> {
  const first = Promise.race(servers.map((server) => server.died));
  first.catch(() => {});
  return first;
}

function whenEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `code ${code}`));
  });
}

async function logEnd(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: unknown) => `(no log: ${String(error)})`);
  return text.trimEnd().split("\n").slice(-logLinesShown).join("\n").slice(-logCharsShown);
}
