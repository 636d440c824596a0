/** `fairlead hub failover --to REGION`: makes the region that is asked the one that writes, in an epoch that no other region has. */
import { buildCommand } from "@stricli/core";
import type { Charter } from "#core/charter.ts";
import { hubViewSchema, nextSerial, type HubView } from "#core/hub.ts";
import { recoveryFlag, replaceCharter } from "../charter.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

interface FailoverFlags extends HubFlags {
  to: string;
  recoveryKey: string;
}

const ADDRESSES_MAX = 8;

export const failover = buildCommand<FailoverFlags, [], Context>({
  async func(flags) {
    if ((flags.reason ?? this.io.env["FAIRLEAD_REASON"]) === undefined)
      throw new CliError("a failover needs its reason", 'say it with --reason "…"', EXIT.usage);
    const hub = await connect(flags, this.io);
    const before = await hub.get("/v1/hub", hubViewSchema);
    check(before, flags.to);
    const view = await replaceCharter(hub, this.io, flags.recoveryKey, (now) => charterFor(now, flags.to));
    const next =
      before.region === undefined
        ? "the others serve agents what is copied to them"
        : `every App is released anew; what ${before.region} orders from here on, agents refuse`;
    this.io.stderr.write(
      `region ${flags.to} writes, by charter ${view.serial} of epoch ${view.epoch}: ${next}\n`,
    );
  },
  parameters: {
    flags: {
      ...hubFlags,
      to: { kind: "parsed", parse: String, placeholder: "REGION", brief: "the region that --server is in" },
      recoveryKey: recoveryFlag,
    },
  },
  docs: {
    brief: "Make another region the one that writes (docs/regions.md)",
    customUsage: ['--to eu-west-1 --recovery-key recovery.json --reason "eu-central-1 is away"'],
  },
});

function check({ here, region }: HubView, to: string): void {
  if (here?.region !== to)
    throw new CliError(
      `the hub that was asked is ${here === undefined ? "in no region that it knows of" : `in region ${here.region}`}, not in ${to}`,
      `ask the one in ${to}: --server with its address`,
      EXIT.usage,
    );
  if (region === to) throw new CliError(`region ${to} writes already`, "nothing is to be done");
}

/** Its own address first, for that is where agents go with what they report. */
function charterFor(now: HubView, to: string): Charter {
  const { hub, signers } = now;
  const serial = nextSerial(now.serial, Date.now());
  const url = now.here?.url ?? "";
  const urls = [url, ...now.urls.filter((one) => one !== url)].slice(0, ADDRESSES_MAX);
  // The first one to be named is no change of hands: nothing has to be released anew.
  const epoch = now.region === undefined ? now.epoch : Math.max(serial, now.epoch + 1);
  return { hub, epoch, serial: Math.max(serial, epoch), signers, urls, region: to };
}
