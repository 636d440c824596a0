/**
 * The one prerequisite of our built tools: Go, at least as new as the module asks.
 * Says what is missing and how to get it; never installs anything.
 */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const howToGet = "install it from https://go.dev/dl or your package manager, and put `go` on the PATH";

/**
 * The version of Go that builds the module in `folder`, such as "1.26.8".
 * Throws, naming the tool that needs it and the fix, when Go is missing or older than go.mod asks.
 */
export async function goVersion(folder: string, neededBy: string): Promise<string> {
  const asked = goDirective(await readFile(join(folder, "go.mod"), "utf8"));
  const answer = await run("go", ["env", "GOVERSION"], { cwd: folder }).catch((error: unknown) => {
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`building ${neededBy} needs Go ${asked} or newer: ${howToGet} (${cause})`, {
      cause: error,
    });
  });
  const found = answer.stdout.trim().replace(/^go/, "");
  if (isOlder(found, asked)) {
    throw new Error(`building ${neededBy} needs Go ${asked} or newer, found ${found}: ${howToGet}`);
  }
  return found;
}

/** The version in the `go` line of a go.mod, such as "1.24.0". */
export function goDirective(goMod: string): string {
  const asked = /^go (\d+(?:\.\d+)*)$/m.exec(goMod)?.[1];
  if (asked === undefined)
    throw new Error("go.mod has no `go` line: add one with the oldest Go that builds it");
  return asked;
}

/** Compares number by number; a pre-release ("1.27rc1") counts as its release. */
export function isOlder(found: string, asked: string): boolean {
  const have = numbers(found);
  for (const [place, wanted] of numbers(asked).entries()) {
    const own = have[place] ?? 0;
    if (own !== wanted) return own < wanted;
  }
  return false;
}

function numbers(version: string): number[] {
  return version.split(".").map((part) => Number.parseInt(part, 10) || 0);
}
