/**
 * Child processes on a leash: one that is started here ends with this process, also when this process is killed.
 * A POSIX shell keeps the other end of a pipe; the pipe closes when its owner dies, however it dies, and the
 * shell then kills the child's whole process group. The shell execs the child, so pid and exit status are the
 * child's own. The child gets a session of its own: Ctrl-C reaches only the owner, which stops it in order.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const OUTPUT_CHARS_KEPT = 16_384;
const STOP_GRACE_MS = 5_000;
const PORT_TRIES_MAX = 5;
const READY_POLL_MS = 10;

/** Standard input carries no data for the child: the watcher reads it, and "done" tells it that all is over. */
const LEASH_SCRIPT = [
  "exec 3<&0",
  '(read -r done <&3 || kill -s KILL -- "-$$") >/dev/null 2>&1 &',
  'exec "$@" </dev/null 3<&-',
].join("\n");

export interface Command {
  command: string;
  args: readonly string[];
  /** Added to this process's environment. */
  env?: Readonly<Record<string, string>>;
  /** Told of what it writes, as it comes, and how it ended. */
  onOutput?: (text: string) => void;
  onEnd?: (how: string) => void;
}

export interface Leashed {
  readonly pid: number;
  /** The last 16 Ki characters of standard output and error, mixed as they came. */
  output(): string;
  /** A sentence on how the child ended, or undefined while it runs. Exit code 127 means: no such command. */
  ended(): string | undefined;
  /** SIGTERM, then after 5 s SIGKILL to the process group. Resolves when the child is gone; may be repeated. */
  stop(): Promise<void>;
}

/** Starts `command`; throws only where no shell can be started. */
export async function startLeashed(start: Command): Promise<Leashed> {
  const { command, args, env } = start;
  const child = spawn("sh", ["-c", LEASH_SCRIPT, "leash", command, ...args], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARS_KEPT);
    start.onOutput?.(chunk.toString());
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  // The watcher may have gone with its group: a broken pipe is then the expected end.
  child.stdin.on("error", () => {});
  let ended: string | undefined;
  const closed = new Promise<void>((resolve) => {
    child.once("close", (code, signal) => {
      ended = signal === null ? `exit code ${code}` : `signal ${signal}`;
      child.stdin.end("done\n");
      start.onEnd?.(ended);
      resolve();
    });
  });
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  return {
    pid,
    output: () => output,
    ended: () => ended,
    stop: async () => {
      if (ended === undefined) child.kill("SIGTERM");
      const late = setTimeout(() => killGroup(pid), STOP_GRACE_MS);
      await closed;
      clearTimeout(late);
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export interface ServerPlan {
  /** Stands in the errors. */
  name: string;
  command(port: number): Command;
  /** Whether the child itself (not a stranger on the same port) serves `port` by now. */
  ready(port: number, child: Leashed): Promise<boolean>;
  /** Matches what the server prints when the port was taken between our look and its bind. */
  portTaken: RegExp;
  readyMsMax: number;
  /** Fixed port: no other is tried. */
  port?: number | undefined;
}

/**
 * Starts a server on a free loopback port and waits until it is ready. Losing a race for the port costs a new try.
 * Throws with the server's last output when it ends early or is not ready in `readyMsMax`.
 */
export async function startServer(plan: ServerPlan): Promise<{ port: number; child: Leashed }> {
  for (let attempt = 1; ; attempt++) {
    const port = plan.port ?? (await freePort());
    const child = await startLeashed(plan.command(port));
    const trouble = await awaitReady(plan, port, child);
    if (trouble === undefined) return { port, child };
    await child.stop();
    const again = plan.port === undefined && attempt < PORT_TRIES_MAX && plan.portTaken.test(child.output());
    if (!again) {
      throw new Error(
        `${plan.name} on port ${port}: ${trouble}. It said:\n${child.output().trim() || "(nothing)"}`,
      );
    }
  }
}

async function awaitReady(plan: ServerPlan, port: number, child: Leashed): Promise<string | undefined> {
  const deadline = performance.now() + plan.readyMsMax;
  while (performance.now() < deadline) {
    const ended = child.ended();
    if (ended !== undefined) return `ended with ${ended} before it was ready`;
    if (await plan.ready(port, child)) return undefined;
    await sleep(READY_POLL_MS);
  }
  return `not ready within ${plan.readyMsMax} ms`;
}

/** A loopback port that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string")
    throw new Error("the probe for a free port has no port");
  return address.port;
}
