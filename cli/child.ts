/** Another program of this package in a process of its own: it has the terminal, and signals go on to it. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Ends with its exit code; 128 and the signal's number where a signal ended it. */
export function runProgram(file: string, argv: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [file, ...argv], { stdio: "inherit" });
  const pass = (signal: NodeJS.Signals): void => {
    // On a terminal Ctrl-C already went to both; a second one would end the program in the middle of its work.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, pass);
  return new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
    );
  }).finally(() => {
    for (const signal of SIGNALS) process.off(signal, pass);
  });
}
