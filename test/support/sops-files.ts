/** Keys by the real `age-keygen`, files encrypted by the real `sops`: what somebody commits. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ensureTool } from "../../cli/dev/tools.ts";

const run = promisify(execFile);

export interface AgeKey {
  identity: string;
  recipient: string;
}

/** Values alone; names, kinds and labels stay readable. */
export const DATA_ONLY = ["--encrypted-regex", "^(data|stringData)$"];

export async function makeAgeKey(): Promise<AgeKey> {
  const { stdout } = await run(join(await ensureTool("age-keygen"), "age-keygen"), []);
  const [, recipient = ""] = /public key: (age1\S+)/.exec(stdout) ?? [];
  return { identity: stdout, recipient };
}

export async function sopsEncrypted(text: string, key: AgeKey, ...args: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-sops-"));
  try {
    const file = join(folder, "secret.yaml");
    await writeFile(file, text);
    const sops = join(await ensureTool("sops"), "sops");
    await run(sops, ["--encrypt", "--in-place", "--age", key.recipient, ...args, file]);
    return await readFile(file, "utf8");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
