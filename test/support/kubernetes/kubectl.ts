/** Runs kubectl within bounds; its exit code is an answer, not an error. */
import { execFile } from "node:child_process";

export type KubectlResult = { code: number; stdout: string; stderr: string };

const kubectlMsMax = 120_000;
const kubectlCharsMax = 64 * 1024 * 1024;

/** Resolves with any exit code; rejects when kubectl cannot run or exceeds its time or output limit. */
export function runKubectl(kubectl: string, args: readonly string[], stdin = ""): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const options = { timeout: kubectlMsMax, maxBuffer: kubectlCharsMax };
    const child = execFile(kubectl, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
      else reject(error);
    });
    // kubectl may end before it has read all: its exit code then says why.
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  });
}
