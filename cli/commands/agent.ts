/** `fairlead agent …`: the very agent program, in a process of its own, with its own flags. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { buildCommand } from "@stricli/core";
import type { Context } from "../io.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Only for a call without flags and for the list of commands: the agent parses its flags itself. */
export const agent = buildCommand<object, [], Context>({
  async func() {
    this.exitCode = await runAgentProgram([]);
  },
  parameters: {},
  docs: { brief: "Run the agent for a cluster (fairlead agent --help lists its flags)" },
});

/** Ends with the agent's exit code; signals go to the agent, which finishes what it is at. */
export function runAgentProgram(argv: readonly string[]): Promise<number> {
  const program = fileURLToPath(new URL("../../agent/main.ts", import.meta.url));
  const child = spawn(process.execPath, [program, ...argv], { stdio: "inherit" });
  const pass = (signal: NodeJS.Signals): void => {
    // On a terminal Ctrl-C already went to both; a second one would end the agent in the middle of its work.
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
