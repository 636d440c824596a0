/**
 * `fairlead import FILE`: makes a hub that was just opened the one that the file was exported from. The charter that
 * lets agents follow is signed here, by the old hub's recovery key. A run that was cut off is repeated.
 */
import { resolve } from "node:path";
import { buildCommand } from "@stricli/core";
import { fingerprintOf } from "#core/charter.ts";
import { importAnswerSchema } from "#core/export.ts";
import { hubViewSchema, nextSerial } from "#core/hub.ts";
import { readRecoveryKey, recoveryFlag, signCharter } from "../charter.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { batchesOf, checkExport } from "../export-file.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { CliError } from "../errors.ts";

interface Flags extends HubFlags {
  recoveryKey: string;
}

export const importHub = buildCommand<Flags, [string], Context>({
  async func(flags, file) {
    const path = resolve(this.io.cwd, file);
    const checked = await checkExport(path);
    const old = checked.hub;
    const key = await readRecoveryKey(this.io, flags.recoveryKey, fingerprintOf(old.recoveryKey));
    const hub = await connect(flags, this.io);
    const { signers, urls, serial } = await hub.get("/v1/hub", hubViewSchema);
    const above = nextSerial(Math.max(old.serial, serial), this.io.now());
    const next = { hub: old.hub, epoch: old.epoch + 1, serial: above, signers, urls };
    const charter = await signCharter(next, key);
    let outcome = "taken";
    for await (const { from, lines } of batchesOf(path)) {
      if (outcome === "already") break;
      const request = { export: checked.digest, from, charter, lines };
      outcome = (await hub.post("/v1/import", request, importAnswerSchema)).outcome;
      this.io.stderr.write(`${from + lines.length} of ${checked.lines} lines\n`);
    }
    if (outcome === "taken")
      throw new CliError(
        "the hub took all lines and did not end the import",
        "repeat it: nothing is done twice",
      );
    this.io.stderr.write(after(old.hub, urls, checked.credentials, outcome));
  },
  parameters: {
    flags: { ...hubFlags, recoveryKey: recoveryFlag },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "file", brief: "what fairlead export wrote" }],
    },
  },
  docs: {
    brief: "Make a hub that was just opened the one that was exported",
    customUsage: ["hub.jsonl --recovery-key recovery.json"],
  },
});

function after(
  hub: string,
  urls: readonly string[],
  credentials: readonly string[],
  outcome: string,
): string {
  const done = outcome === "already" ? "was read in before" : "is here now";
  const set =
    credentials.length === 0
      ? ""
      : `set these credentials again (fairlead credentials set): ${credentials.join(", ")}\n`;
  return `hub ${hub} ${done}: agents that know ${urls.join(" or ")} carry on at their next poll\n${set}`;
}
