/** `fairlead webhook SOURCE`: where to send pushes, and what to choose at which provider. It reads; it never shows a secret. */
import { buildCommand } from "@stricli/core";
import { sourceViewSchema } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

const HINTS = [
  "Send pushes (and tags, where a provider lists them apart) there, with the secret of that credential:",
  "  GitHub               content type application/json, the secret as Secret, only the push event",
  "  GitLab               push and tag push events; a whsec_… secret as Signing token, any other as Secret token",
  "  Bitbucket            the secret as Secret, trigger: repository push",
  "  Gitea, Forgejo       POST, application/json, the secret as Secret, push events",
  "  anything else        Fairlead-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of `<t>.<body>`>",
];

export const webhook = buildCommand<HubFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const { resource } = await hub.read(["sources", name], sourceViewSchema);
    const { webhook: credential } = resource.spec;
    if (credential === undefined)
      throw new CliError(
        `Source ${name} takes no webhooks`,
        `make a secret (fairlead credentials set NAME --webhook) and say its name in spec.webhook of the Source`,
      );
    this.io.stdout.write(`${hub.server}/v1/webhooks/${hub.project}/${name}\n`);
    this.io.stderr.write(
      `Signed with the credential ${credential} of project ${hub.project}.\n${HINTS.join("\n")}\n`,
    );
  },
  parameters: {
    flags: { ...hubFlags },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "source", brief: "its name" }] },
  },
  docs: { brief: "Tell where a source's webhooks go" },
});
