/** MiniStack, an AWS emulator in Python, for what needs a real S3, EventBridge or SQS server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../../functions/local/leash.ts";
import { ensurePythonTool } from "./python-tool.ts";

const PACKAGES = [
  "ministack==1.5.33",
  "botocore==1.43.106",
  // For keys of KMS.
  "cryptography==50.0.2",
  "cffi==2.1.1",
  "pycparser==3.12",
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
] as const;
const READY_MS_MAX = 60_000;
const READY_REQUEST_MS_MAX = 2_000;

export interface MiniStack {
  endpoint: string;
  /** The root account's; signatures and role policies are checked. */
  credentials: { accessKeyId: string; secretAccessKey: string };
  region: string;
  stop(): Promise<void>;
}

/** A fresh, empty emulator on a free loopback port; it ends with this process. Its functions see `env` too. */
export async function startMiniStack(env: Readonly<Record<string, string>> = {}): Promise<MiniStack> {
  const command = await ensurePythonTool({ name: "MiniStack", packages: PACKAGES, program: "ministack" });
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
        ...env,
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
