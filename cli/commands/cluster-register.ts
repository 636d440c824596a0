/**
 * `fairlead cluster register NAME`: makes the Cluster where it is not there yet, and gets the short-lived token with
 * which its agent registers. Piped, standard output is that token and nothing else.
 */
import { buildCommand } from "@stricli/core";
import { API_VERSION, labelsSchema } from "#core/metadata.ts";
import {
  applyAnswerSchema,
  clusterViewSchema,
  registrationAnswerSchema,
  type RegistrationAnswer,
} from "#core/view.ts";
import { agentManifest } from "../agent-manifest.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags, parseTime } from "../flags.ts";
import type { Context, Io } from "../io.ts";

interface Flags extends HubFlags {
  label?: readonly string[] | undefined;
  poll?: string | undefined;
  manifest?: string | undefined;
}

export const clusterRegister = buildCommand<Flags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const labels = labelsOf(flags.label ?? []);
    const found = await hub.find(["clusters", name], clusterViewSchema);
    if (found === undefined) await create(hub, name, labels, flags.poll);
    else if (flags.label !== undefined || flags.poll !== undefined)
      this.io.stderr.write(
        `Cluster ${name} is there already; its labels and poll stay as they are (fairlead apply changes them)\n`,
      );
    const answer = await hub.post(hub.path(["clusters", name, "registration"]), {}, registrationAnswerSchema);
    if (flags.manifest === undefined) return print(this.io, name, answer);
    this.io.stdout.write(await agentManifest(flags.manifest, answer.token));
    this.io.stderr.write(
      `${validity(this.io, name, answer)} Apply this with kubectl where the cluster is reached.\n`,
    );
  },
  parameters: {
    flags: {
      ...hubFlags,
      label: {
        kind: "parsed",
        parse: String,
        variadic: true,
        optional: true,
        placeholder: "KEY=VALUE",
        brief: "a label of the new cluster; may be given again",
      },
      poll: {
        kind: "parsed",
        parse: checkedTime,
        optional: true,
        placeholder: "10s",
        brief: "how often its agent asks when idle (60s where not given)",
      },
      manifest: {
        kind: "parsed",
        parse: checkedImage,
        optional: true,
        placeholder: "IMAGE",
        brief: "print what kubectl applies to run the agent of this image, its token included",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "name", brief: "its name in the fleet" }],
    },
  },
  docs: {
    brief: "Make a cluster known, and print the token with which its agent registers",
    customUsage: [
      "eu-1 --label env=prod --label region=eu",
      "eu-1 --manifest registry.example.com/fairlead-agent:0.1.0",
    ],
  },
});

function checkedTime(text: string): string {
  parseTime(text);
  return text;
}

const IMAGE = /^[a-z0-9][\w.-]*(?::\d+)?(?:\/[\w.-]+)*(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/;

function checkedImage(text: string): string {
  if (text.length <= 500 && IMAGE.test(text)) return text;
  throw new Error("give the name of an image such as registry.example.com/fairlead-agent:0.1.0");
}

function labelsOf(pairs: readonly string[]): Record<string, string> {
  const entries = pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1)
      throw new CliError(`--label ${pair} is no KEY=VALUE`, "write it like --label env=prod", EXIT.usage);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  const labels = labelsSchema.safeParse(Object.fromEntries(entries));
  if (labels.success) return labels.data;
  const key = String(labels.error.issues[0]?.path[0] ?? "");
  throw new CliError(
    `--label ${key}: key or value is no label`,
    "letters, digits, '-', '_' and '.', at most 63 of them, as Kubernetes has it",
    EXIT.usage,
  );
}

async function create(
  hub: Hub,
  name: string,
  labels: Record<string, string>,
  poll: string | undefined,
): Promise<void> {
  const spec = poll === undefined ? {} : { poll };
  const cluster = {
    apiVersion: API_VERSION,
    kind: "Cluster",
    metadata: { name, project: hub.project, labels },
    spec,
  };
  await hub.post("/v1/apply", { resources: [cluster], dryRun: false }, applyAnswerSchema);
}

function minutesLeft(io: Io, { expiresAt }: RegistrationAnswer): number {
  return Math.max(0, Math.round((expiresAt - io.now()) / 60_000));
}

function validity(io: Io, name: string, answer: RegistrationAnswer): string {
  return `Cluster ${name} may register within ${minutesLeft(io, answer)} min.`;
}

function print(io: Io, name: string, answer: RegistrationAnswer): void {
  const { token, recovery } = answer;
  const command = (shown: string) => `fairlead agent --kubeconfig FILE --token ${shown}`;
  const pins = `The agent pins the hub's recovery key and tells it at its start: ${recovery}\n`;
  // A log that keeps standard error of a pipe must not keep the token.
  if (!io.isTTY) {
    io.stdout.write(`${token}\n`);
    io.stderr.write(
      `the token of cluster ${name} is good for ${minutesLeft(io, answer)} min: ${command("TOKEN")}\n${pins}`,
    );
    return;
  }
  io.stderr.write(`${validity(io, name, answer)} ${pins}Start it where it reaches the cluster:\n\n`);
  io.stdout.write(`${command(token)}\n`);
}
