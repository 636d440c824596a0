/** `fairlead export > FILE`: the whole hub as lines, closed by their count and digest. Only data goes to standard output. */
import { createHash } from "node:crypto";
import { buildCommand } from "@stricli/core";
import { exportLineSchema, exportPageSchema } from "#core/export.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

/** Of some hundred lines each: a fleet far above what a hub holds. */
const PAGES_MAX = 1_000_000;

export const exportHub = buildCommand<HubFlags, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const digest = createHash("sha256");
    const credentials: string[] = [];
    let lines = 0;
    let cursor: string | undefined;
    for (let page = 0; page < PAGES_MAX; page++) {
      const query = cursor === undefined ? "" : `?cursor=${encodeURIComponent(cursor)}`;
      const told = await hub.get(`/v1/export${query}`, exportPageSchema);
      for (const one of told.lines) {
        const line = exportLineSchema.parse(one);
        if (line.kind === "credential") credentials.push(`${line.project}/${line.name}`);
        const text = `${JSON.stringify(one)}\n`;
        digest.update(text);
        lines += 1;
        this.io.stdout.write(text);
      }
      cursor = told.next;
      if (cursor === undefined) break;
    }
    if (cursor !== undefined)
      throw new CliError(`the export has more than ${PAGES_MAX} pages`, "look at the hub's log");
    this.io.stdout.write(`${JSON.stringify({ kind: "end", lines, digest: digest.digest("hex") })}\n`);
    const left =
      credentials.length === 0
        ? ""
        : `; the values of these credentials are not in it, set them again after an import: ${credentials.join(", ")}`;
    this.io.stderr.write(`${lines} lines. It holds no secret, but all that your fleet is${left}\n`);
  },
  parameters: { flags: hubFlags },
  docs: {
    brief: "Write the whole hub to standard output, for fairlead import",
    customUsage: ["> hub.jsonl"],
  },
});
