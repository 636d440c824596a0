import { DescribeParametersCommand, GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { describe, expect, it, onTestFinished } from "vitest";
import { createParameterSecrets } from "../../../functions/secrets/parameters.ts";
import { secretsConformance } from "../../conformance/secrets.ts";
import { startMiniStack } from "../../support/ministack.ts";

const prefix = "/fairlead/test";

async function clientOf() {
  const ministack = await startMiniStack();
  const { endpoint, credentials, region } = ministack;
  const stop = (): Promise<void> => ministack.stop();
  return { newClient: () => new SSMClient({ endpoint, credentials, region }), stop };
}

describe("createParameterSecrets", () => {
  secretsConformance(async () => {
    const { newClient, stop } = await clientOf();
    return {
      store: createParameterSecrets({ client: newClient(), prefix }),
      reopened: createParameterSecrets({ client: newClient(), prefix }),
      close: stop,
    };
  });

  it("writes no `{{`, which the service takes for a reference, and reads back what was meant", async () => {
    const { newClient, stop } = await clientOf();
    onTestFinished(stop);
    const client = newClient();
    const store = createParameterSecrets({ client, prefix });
    for (const value of ["{{{ssm:x}}}", "~1{{~0~", "~01"]) {
      await store.put("web", "git", value);
      const Name = `${prefix}/web/git`;
      const { Parameter } = await client.send(new GetParameterCommand({ Name, WithDecryption: true }));
      expect(Parameter?.Value).not.toContain("{{");
      expect(await store.get("web", "git")).toBe(value);
    }
  });

  it("keeps encrypted parameters of the cheapest tier under the hub's own prefix", async () => {
    const { newClient, stop } = await clientOf();
    onTestFinished(stop);
    const client = newClient();
    await createParameterSecrets({ client, prefix }).put("web", "git", "x");
    const { Parameters } = await client.send(new DescribeParametersCommand({}));
    expect(Parameters).toMatchObject([
      { Name: "/fairlead/test/web/git", Type: "SecureString", Tier: "Standard" },
    ]);
    const other = createParameterSecrets({ client, prefix: "/fairlead/other" });
    expect(await other.get("web", "git")).toBeUndefined();
  });
});
