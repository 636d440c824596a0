/**
 * MiniStack, an AWS emulator in Python, for what needs a real S3, EventBridge or SQS server. It lives in a virtual
 * environment under the cache folder, made on first use; an flock held by the installer lets parallel test files
 * make it once, and is gone with the process that held it. Python 3.10 or later is needed as `python3`.
 */
import { mkdtemp, mkdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder } from "../../cli/dev/build.ts";
import { startLeashed, startServer } from "../../functions/local/leash.ts";

const PACKAGES = [
  "ministack==1.5.33",
  "botocore==1.43.106",
  "defusedxml==0.7.1",
  "graphql-core==3.2.12",
  "h11==0.16.0",
  "h2==4.4.1",
  "hpack==4.2.0",
  "hypercorn==0.18.0",
  "hyperframe==6.1.0",
  "jmespath==1.1.0",
  "jsonata-python==0.7.1",
  "priority==2.0.0",
  "python-dateutil==2.9.0.post0",
  "PyYAML==6.0.3",
  "six==1.17.0",
  "urllib3==2.8.0",
  "wsproto==1.3.2",
];
const INSTALL_MS_MAX = 10 * 60_000;
const READY_MS_MAX = 60_000;
const READY_REQUEST_MS_MAX = 2_000;

/** Arguments: the folder, then the packages. The marker comes last: a folder without it is made anew. */
const INSTALLER = `
import fcntl, os, shutil, subprocess, sys, venv
folder, packages = sys.argv[1], sys.argv[2:]
with open(os.path.join(folder, "lock"), "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    made, marker = os.path.join(folder, "venv"), os.path.join(folder, "ready")
    if not os.path.exists(marker):
        shutil.rmtree(made, ignore_errors=True)
        venv.create(made, with_pip=True)
        python = os.path.join(made, "bin", "python")
        subprocess.check_call([python, "-m", "pip", "install", "--quiet", "--no-deps",
                               "--disable-pip-version-check", *packages])
        open(marker, "w").close()
`;

export interface MiniStack {
  endpoint: string;
  /** The root account's; signatures and role policies are checked. */
  credentials: { accessKeyId: string; secretAccessKey: string };
  region: string;
  stop(): Promise<void>;
}

/** A fresh, empty emulator on a free loopback port; it ends with this process. */
export async function startMiniStack(): Promise<MiniStack> {
  const command = await ministackCommand();
  const scratch = await mkdtemp(join(tmpdir(), "fairlead-ministack-"));
  const { port, child } = await startServer({
    name: "MiniStack",
    command: (port) => ({
      command,
      args: [],
      env: {
        AUTH: "true",
        BIND_HOST: "127.0.0.1",
        GATEWAY_PORT: String(port),
        TMPDIR: scratch,
        PERSIST_STATE: "0",
        AWS_ACCESS_KEY_ID: "test",
        AWS_SECRET_ACCESS_KEY: "test",
      },
    }),
    ready: async (port, child) => child.output().includes("Running on") && answers(port),
    portTaken: /already in use/i,
    readyMsMax: READY_MS_MAX,
  }).catch(async (error: unknown) => {
    await rm(scratch, { recursive: true, force: true });
    throw error;
  });
  return {
    endpoint: `http://127.0.0.1:${port}`,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    region: "us-east-1",
    stop: async () => {
      await child.stop();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(READY_REQUEST_MS_MAX);
    return (await fetch(`http://127.0.0.1:${port}/_ministack/health`, { signal })).ok;
  } catch {
    // Not yet; the caller has the deadline and the server's own output.
    return false;
  }
}

async function ministackCommand(): Promise<string> {
  const folder = join(cacheFolder(), "ministack-1.5.33");
  if (!(await exists(join(folder, "ready")))) await install(folder);
  return join(folder, "venv", "bin", "ministack");
}

async function install(folder: string): Promise<void> {
  console.error(`Installing MiniStack into ${folder} (once, about a minute)…`);
  await mkdir(folder, { recursive: true });
  const child = await startLeashed({ command: "python3", args: ["-c", INSTALLER, folder, ...PACKAGES] });
  const deadline = performance.now() + INSTALL_MS_MAX;
  while (child.ended() === undefined && performance.now() < deadline) await sleep(100);
  const ended = child.ended() ?? `no end within ${INSTALL_MS_MAX} ms`;
  await child.stop();
  if (ended !== "exit code 0") {
    throw new Error(
      `MiniStack needs python3 (3.10 or later) with venv and pip; installing ended with ${ended}:\n${child.output()}`,
    );
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
