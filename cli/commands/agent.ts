/** `fairlead agent …`: the very agent program, in a process of its own, with its own flags. */
import { fileURLToPath } from "node:url";
import { buildCommand } from "@stricli/core";
import { runProgram } from "../child.ts";
import type { Context } from "../io.ts";

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
  return runProgram(fileURLToPath(new URL("../../agent/main.ts", import.meta.url)), argv);
}
