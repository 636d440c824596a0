/** `fairlead cluster hold|release-hold NAME`: let no rollout move a cluster for a while. */
import { buildCommand } from "@stricli/core";
import { durationMs, durationSchema } from "#core/duration.ts";
import { HOLD_MS_MAX, holdWords } from "#core/hold.ts";
import { holdViewSchema } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

interface Flags extends HubFlags {
  until: string;
}

const positional = {
  kind: "tuple",
  parameters: [{ parse: String, placeholder: "name", brief: "the cluster" }],
} as const;

export const clusterHold = buildCommand<Flags, [string], Context>({
  async func(flags, name) {
    const { io } = this;
    const reason = flags.reason ?? io.env["FAIRLEAD_REASON"];
    if (reason === undefined)
      throw new CliError("a hold needs its reason", 'say it with --reason "…"', EXIT.usage);
    const hub = await connect(flags, io);
    const hold = { until: momentOf(flags.until, io.now()), reason };
    const { person } = await hub.post(hub.path(["clusters", name, "hold"]), hold, holdViewSchema);
    if (person !== undefined)
      io.stderr.write(
        `cluster ${name} is ${holdWords(person)}. What is assigned already goes on; fairlead cluster release-hold ${name} lifts it\n`,
      );
  },
  parameters: {
    flags: {
      ...hubFlags,
      until: {
        kind: "parsed",
        parse: String,
        placeholder: "2h",
        brief: "for how long, or until when (2026-11-22T06:00:00Z); at most 30 days",
      },
    },
    positional,
  },
  docs: {
    brief: "Let no rollout move a cluster for a while",
    customUsage: ['eu-1 --until 2h --reason "payday"'],
  },
});

export const clusterReleaseHold = buildCommand<HubFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const left = await hub.post(hub.path(["clusters", name, "release-hold"]), {}, holdViewSchema);
    const own = left.agent?.all ?? Object.values(left.agent?.apps ?? {})[0];
    const still =
      own === undefined
        ? ""
        : `; the cluster itself still asks to be ${holdWords(own)} (ConfigMap fairlead-hold)`;
    this.io.stderr.write(`cluster ${name} is not held by a person any more${still}\n`);
  },
  parameters: { flags: hubFlags, positional },
  docs: { brief: "Lift the hold that a person set on a cluster" },
});

function momentOf(text: string, now: number): number {
  const lasts = durationSchema(1000, HOLD_MS_MAX).safeParse(text);
  if (lasts.success) return now + durationMs(lasts.data);
  const at = /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new CliError(
    `--until ${text} is neither a duration up to 30 days nor a time`,
    "write 2h, 3d, or 2026-11-22T06:00:00Z",
    EXIT.usage,
  );
}
