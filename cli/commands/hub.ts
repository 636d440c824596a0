/** `fairlead hub …`: who the hub is, and the acts of its recovery key: moved, a new signing key, a new epoch, opened. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildCommand, buildRouteMap } from "@stricli/core";
import { kidOf, type Charter } from "#core/charter.ts";
import { hubViewSchema, nextSerial, type HubView } from "#core/hub.ts";
import { ensureKeyFile, readPublicKey, recoveryFlag, replaceCharter } from "../charter.ts";
import { runProgram } from "../child.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context, Io } from "../io.ts";
import { failover } from "./hub-failover.ts";
import { printAs, type Table } from "../print.ts";

interface SignFlags extends HubFlags {
  recoveryKey: string;
}

const status = buildCommand<HubFlags & OutputFlags, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const view = await hub.get("/v1/hub", hubViewSchema);
    printAs(this.io, flags.output, view, () => table(view));
  },
  parameters: { flags: { ...hubFlags, output: outputFlag }, aliases: { o: "output" } },
  docs: { brief: "Show the hub's id, epoch, addresses, keys and the fingerprint of its recovery key" },
});

function table(view: HubView): Table {
  const keys = view.signers.map(({ kid }) => (kid === view.signing ? `${kid} (in use)` : kid));
  const came = view.importing === true ? [["import", "under way: repeat fairlead import"]] : [];
  const { region, here } = view;
  const regions = [
    ...(region === undefined ? [] : [["writes", region]]),
    ...(here === undefined ? [] : [["answers", here.region]]),
  ];
  const rows = [
    ["hub", view.hub],
    ...regions,
    ["epoch", view.epoch],
    ["charter", view.serial],
    ...view.urls.map((url) => ["address", url]),
    ...keys.map((key) => ["signing key", key]),
    ["recovery key", view.recovery],
    ...came,
  ];
  return { columns: ["what", "is"], rows, empty: "" };
}

const move = buildCommand<SignFlags & { url: readonly string[] }, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const view = await replaceCharter(hub, this.io, flags.recoveryKey, (now) =>
      charterOf(now, { urls: flags.url.map((url) => url.replace(/\/+$/, "")) }),
    );
    tell(this.io, view, `agents look for the hub at ${view.urls.join(", then ")}`);
  },
  parameters: {
    flags: {
      ...hubFlags,
      recoveryKey: recoveryFlag,
      url: {
        kind: "parsed",
        parse: String,
        variadic: true,
        placeholder: "URL",
        brief: "an address that agents try, in this order; give the present one too until the move is done",
      },
    },
  },
  docs: {
    brief: "Tell agents at which addresses the hub answers",
    customUsage: ["--url https://old.example.com --url https://new.example.com --recovery-key recovery.json"],
  },
});

const rotate = buildCommand<SignFlags & { signingKey: string; dropOld: boolean }, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const path = resolve(this.io.cwd, flags.signingKey);
    // One that is to be the only one has been given to the hub before, so its file is there.
    const made = flags.dropOld ? "there" : await ensureKeyFile(path);
    const key = await readPublicKey(this.io, "signing-key", flags.signingKey);
    const mine = { kid: kidOf(key), key };
    const view = await replaceCharter(hub, this.io, flags.recoveryKey, (now) =>
      flags.dropOld
        ? charterOf(now, { signers: [mine], epoch: now.epoch + 1 })
        : charterOf(now, { signers: [mine, ...now.signers.filter(({ kid }) => kid !== mine.kid)] }),
    );
    const next = flags.dropOld
      ? "every statement is signed anew, in a new epoch; what the old keys signed is worth nothing"
      : `${made === "made" ? `made ${flags.signingKey}; ` : ""}let the hub sign with it now (on AWS: name it first in SigningKeys and deploy; locally: keys/signing.json and a restart), then repeat this with --drop-old`;
    tell(this.io, view, next);
  },
  parameters: {
    flags: {
      ...hubFlags,
      recoveryKey: recoveryFlag,
      signingKey: {
        kind: "parsed",
        parse: String,
        placeholder: "FILE",
        brief:
          "the new signing key, or its public half; made where the file is absent; only its public half is sent",
      },
      dropOld: {
        kind: "boolean",
        default: false,
        brief: "make it the only one, in a new epoch: the hub must sign with it already",
      },
    },
  },
  docs: {
    brief: "Certify a new signing key",
    customUsage: ["--signing-key signing.json --recovery-key recovery.json"],
  },
});

const newEpoch = buildCommand<SignFlags, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const view = await replaceCharter(hub, this.io, flags.recoveryKey, (now) =>
      charterOf(now, { epoch: now.epoch + 1 }),
    );
    tell(this.io, view, "every App is released anew; what was signed before outranks nothing");
  },
  parameters: { flags: { ...hubFlags, recoveryKey: recoveryFlag } },
  docs: {
    brief: "Open a new epoch, after the table was put back from an older copy",
    customUsage: ["--recovery-key recovery.json"],
  },
});

function charterOf(now: HubView, change: Partial<Charter>): Charter {
  const { hub, epoch, urls, signers, region } = now;
  const writer = region === undefined ? {} : { region };
  // The hub's own clock is not asked: a serial only has to grow, and seconds of any clock near the truth do.
  return { hub, epoch, urls, signers, ...writer, ...change, serial: nextSerial(now.serial, Date.now()) };
}

function tell({ stderr }: Io, view: HubView, next: string): void {
  stderr.write(`charter ${view.serial} of epoch ${view.epoch} is in force: ${next}\n`);
}

interface OpenFlags {
  table: string;
  url: string;
  signingKey: string;
  recoveryKey: string;
}

const arnFlag = {
  kind: "parsed",
  parse: String,
  placeholder: "ARN",
  brief: "the signing key in KMS: the first of the deployment's output signingKeys",
} as const;

/** Programs of their own, as they need the hub's code. */
const OPEN = fileURLToPath(new URL("../dev/hub-open.ts", import.meta.url));
const SIGNING_KEY = fileURLToPath(new URL("../dev/signing-key.ts", import.meta.url));

/** On a table of AWS, with the caller's own credentials. */
const open = buildCommand<OpenFlags, [], Context>({
  async func({ table: name, url, recoveryKey, signingKey }) {
    const argv = ["--table", name, "--url", url, "--signing-key", signingKey, "--recovery-key", recoveryKey];
    this.exitCode = await runProgram(OPEN, argv);
  },
  parameters: {
    flags: {
      table: { kind: "parsed", parse: String, placeholder: "NAME", brief: "the deployed table" },
      url: { kind: "parsed", parse: String, placeholder: "URL", brief: "where agents reach the hub" },
      signingKey: arnFlag,
      recoveryKey: {
        kind: "parsed",
        parse: String,
        default: "fairlead-recovery.json",
        placeholder: "FILE",
        brief: "made where it is absent; to be kept offline",
      },
    },
  },
  docs: {
    brief: "Open a hub on a deployed table, once (with AWS credentials)",
    customUsage: [
      "--table fairlead-prod-Table --url https://agents.example.com --signing-key arn:aws:kms:eu-west-1:111122223333:key/0a1b",
    ],
  },
});

const signingKey = buildCommand<{ key: string }, [], Context>({
  async func({ key }) {
    this.exitCode = await runProgram(SIGNING_KEY, ["--key", key]);
  },
  parameters: {
    flags: { key: { ...arnFlag, brief: "a signing key in KMS: one of the output signingKeys" } },
  },
  docs: {
    brief: "Print the public half of a signing key in KMS, for rotate-signing-key (with AWS credentials)",
    customUsage: ["--key arn:aws:kms:eu-west-1:111122223333:key/0a1b > next.json"],
  },
});

export const hub = buildRouteMap({
  routes: {
    status,
    move,
    "rotate-signing-key": rotate,
    "new-epoch": newEpoch,
    failover,
    "signing-key": signingKey,
    open,
  },
  docs: { brief: "The hub itself: its keys, addresses and epoch" },
});
