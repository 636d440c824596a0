/** `fairlead version`: this CLI's version; it asks nobody. */
import { readFile } from "node:fs/promises";
import { buildCommand } from "@stricli/core";
import * as z from "zod";
import type { Context } from "../io.ts";

const packageSchema = z.object({ version: z.string() });

export const version = buildCommand<object, [], Context>({
  async func() {
    const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
    this.io.stdout.write(`fairlead ${packageSchema.parse(JSON.parse(text)).version}\n`);
  },
  parameters: {},
  docs: { brief: "Print this CLI's version" },
});
