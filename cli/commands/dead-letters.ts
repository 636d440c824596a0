/** `fairlead dead-letters …`: a program of its own, as it speaks to AWS and not to the hub. */
import { fileURLToPath } from "node:url";
import { buildCommand, buildRouteMap } from "@stricli/core";
import { runProgram } from "../child.ts";
import { parseCount } from "../flags.ts";
import type { Context } from "../io.ts";

interface Flags {
  queue: string;
  max: number;
}

const command = (verb: "list" | "replay", brief: string) =>
  buildCommand<Flags, [], Context>({
    async func({ queue, max }) {
      const program = fileURLToPath(new URL("../dev/dead-letters.ts", import.meta.url));
      this.exitCode = await runProgram(program, [verb, "--queue", queue, "--max", String(max)]);
    },
    parameters: {
      flags: {
        queue: {
          kind: "parsed",
          parse: String,
          placeholder: "URL",
          brief: "the queue: `deadLetters` in what sst deploy prints",
        },
        max: {
          kind: "parsed",
          parse: parseCount,
          default: "100",
          placeholder: "N",
          brief: "at most so many letters (1000 at the most)",
        },
      },
    },
    docs: { brief, customUsage: ["--queue https://sqs.eu-central-1.amazonaws.com/123456789012/DeadLetters"] },
  });

export const deadLetters = buildRouteMap({
  routes: {
    list: command("list", "Show what functions could not handle (with AWS credentials)"),
    replay: command("replay", "Call the functions again; what they handle now leaves the queue"),
  },
  docs: { brief: "What a deployed hub put aside" },
});
