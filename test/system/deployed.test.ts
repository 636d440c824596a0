/**
 * The product deployed to an emulator of AWS, with roles enforced, by the real SST and the real Pulumi engine: the steps of
 * `docs/deploy.md`, then a push that reaches a real API server. The provider is the project's own (`test/support/sst`), so
 * AWS's validation is not shown. The tests are one story and run in order.
 */
import { createHmac } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  DeleteFunctionConcurrencyCommand,
  InvokeCommand,
  PutFunctionConcurrencyCommand,
} from "@aws-sdk/client-lambda";
import { keys } from "../../functions/store/table.ts";
import {
  deadLetters,
  readSigningKey,
  startDeployedLine,
  type DeployedLine,
} from "../support/deployed-line.ts";
import { configMap, BASE, shopFiles } from "../support/shop.ts";
import { PRIVATE_ADDRESS } from "../support/sst/private-address.ts";
import type { Call } from "../support/sst/deployment.ts";
import { partsOf, type DeployedParts } from "../support/sst/parts.ts";
import { until } from "../support/wait.ts";

const LONG_MS = 900_000;
let line: DeployedLine;
let made: Call[];
let parts: DeployedParts;

beforeAll(async () => {
  line = await startDeployedLine(["east"]);
}, LONG_MS);
afterAll(async () => {
  parts?.close();
  await line?.stop();
}, LONG_MS);

async function push(text: string): Promise<string> {
  return line.tree.push({ [`${BASE}/settings.yaml`]: configMap("settings", text) }, `Say ${text}`);
}

async function greeting(): Promise<string | undefined> {
  const got = await line.clusters["east"]?.kubectl([
    "get",
    "configmap",
    "settings",
    "--namespace",
    "shop",
    "--output",
    "jsonpath={.data.greeting}",
  ]);
  return got?.stdout;
}

async function tellOfPush(secret: string): Promise<Response> {
  const body = JSON.stringify({ ref: "refs/heads/main" });
  const at = Math.floor(Date.now() / 1000);
  const mac = createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
  const headers = { "fairlead-signature": `t=${at},v1=${mac}` };
  return fetch(`${line.deployment.urls.api}/v1/webhooks/default/fleet`, { method: "POST", headers, body });
}

describe("a deployment to an emulator", () => {
  it(
    "stands after the commands of docs/deploy.md, and lets its first admin in",
    async () => {
      made = await line.deployment.deploy();
      expect(made.filter(({ act }) => act !== "create")).toEqual([]);
      parts = await partsOf(line.deployment);
      const token = await line.open();
      const { api } = await line.deployment.outputs();
      await line.cli(["login", "--server", api, "--bootstrap"], token);
      const { out } = await line.cli(["hub", "status"]);
      expect(out).toContain("(in use)");
    },
    LONG_MS,
  );

  it(
    "carries a push, told by a webhook, to a real cluster, and tells that it is healthy",
    async () => {
      await writeFile(join(line.folder, "fleet.yaml"), resources(line.repository));
      await line.cli(["apply", "-f", "fleet.yaml"]);
      const { out: secret } = await line.cli(["credentials", "set", "fleet-hook", "--webhook"]);
      await line.attach("east");
      await line.tree.push(shopFiles(["east"]), "Start the shop");
      const commit = await push("from afar");
      expect((await tellOfPush(secret.trim())).status).toBe(202);
      await line.cli(["rollout", "status", "shop", "--wait", "--commit", commit, "--timeout", "10m"]);
      // A cluster that was not heard yet when the rollout began is moved after it.
      await until("the push in the cluster", async () => (await greeting()) === "from afar", LONG_MS / 2);
      await until("told as healthy", async () =>
        (await line.cli(["get", "placements", "shop"])).out.includes("healthy"),
      );
    },
    LONG_MS,
  );

  it(
    "whose function is throttled puts the call aside, and replays it once there is room again",
    async () => {
      const { lambda } = parts;
      const FunctionName = await parts.functionNamed("BusSubscriberLookSourceFunctionFunction");
      const event = {
        source: "fairlead",
        "detail-type": "source.nudged",
        detail: { project: "default", source: "fleet" },
      };
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
      const Payload = JSON.stringify(event);
      await lambda.send(new InvokeCommand({ FunctionName, InvocationType: "Event", Payload }));
      const put = await until("the letter", async () => {
        const { out } = await deadLetters(line, "list");
        return out.includes("source.nudged") && out;
      });
      expect(put).toContain("dead letters: 1");
      expect(await deadLetters(line, "replay")).toMatchObject({
        code: 1,
        out: expect.stringContaining("failed"),
      });
      await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
      const commit = await push("after the throttle");
      expect(await deadLetters(line, "replay")).toMatchObject({
        code: 0,
        out: expect.stringContaining("handled"),
      });
      await line.cli(["rollout", "status", "shop", "--wait", "--commit", commit, "--timeout", "10m"]);
      expect((await deadLetters(line, "list")).out).toContain("dead letters: 0");
    },
    LONG_MS,
  );

  it(
    "handles a batch that comes twice once: the audit log does not grow",
    async () => {
      const records = await parts.streamRecords();
      const before = await parts.auditBatches();
      expect(before).toBeGreaterThan(0);
      expect(await parts.relay(records)).toEqual({ batchItemFailures: [] });
      expect(await parts.relay(records)).toEqual({ batchItemFailures: [] });
      expect(await parts.auditBatches()).toBe(before);
      await line.cli(["audit-log", "verify"]);
    },
    LONG_MS,
  );

  it(
    "handles of a batch what it can, and names the poison record alone",
    async () => {
      const [good] = (await parts.streamRecords()).slice(-1);
      if (good === undefined) throw new Error("the stream is empty");
      const { pk, sk } = keys.rollout("default", "shop", 99);
      const Keys = { pk: { S: pk }, sk: { S: sk } };
      const poison = {
        ...good,
        eventID: "poison",
        dynamodb: { ...good.dynamodb, Keys, NewImage: { state: { S: "nonsense" } }, SequenceNumber: "7" },
      };
      expect(await parts.relay([good, poison, good])).toEqual({
        batchItemFailures: [{ itemIdentifier: "7" }],
      });
    },
    LONG_MS,
  );

  it(
    "reads the records of a batch that was put aside from the stream again",
    async () => {
      await parts.putAside(await parts.streamRecords());
      const { out: listed } = await deadLetters(line, "list");
      expect(listed).toContain("RetryAttemptsExhausted");
      expect(await deadLetters(line, "replay")).toMatchObject({ code: 0 });
    },
    LONG_MS,
  );

  it(
    "takes a new signing key, step by step, while it moves clusters, and drops the old one",
    async () => {
      const rotate = ["hub", "rotate-signing-key", "--signing-key", "next.json"];
      const certify = [...rotate, "--recovery-key", "fairlead-recovery.json"];
      const say = async (text: string): Promise<void> => {
        const commit = await push(text);
        await line.cli(["sync", "fleet"]);
        await line.cli(["rollout", "status", "shop", "--wait", "--commit", commit, "--timeout", "10m"]);
      };
      await line.deployment.setSecret("SigningKeys", "1,2");
      const second = await line.deployment.deploy();
      expect(second.map(({ act, name }) => [act, name])).toEqual([
        ["create", "SigningKey2"],
        ["create", "SigningKeyPolicy2"],
      ]);
      await readSigningKey(line, 1, "next.json");
      await line.cli(certify);
      await line.deployment.setSecret("SigningKeys", "2,1");
      await line.deployment.deploy();
      await say("by the new key");
      await line.cli([...certify, "--drop-old"]);
      await line.deployment.setSecret("SigningKeys", "2");
      const last = await line.deployment.deploy();
      expect(last.map(({ act, name }) => [act, name])).toEqual([
        ["delete", "SigningKeyPolicy1"],
        ["delete", "SigningKey1"],
      ]);
      made = [...made, ...second].filter(({ name }) => !last.some((one) => one.name === name));
      await say("by the new key alone");
      expect((await line.cli(["hub", "status"])).out.match(/^signing key.*$/gm)).toEqual([
        expect.stringContaining("(in use)"),
      ]);
    },
    LONG_MS,
  );

  it(
    "deployed again changes nothing",
    async () => {
      expect(await line.deployment.deploy()).toEqual([]);
    },
    LONG_MS,
  );

  it(
    "removed deletes all that it made but the source maps that SST keeps",
    async () => {
      const removed = await line.deployment.remove();
      const left = made.filter(
        ({ type, name }) => !removed.some((one) => one.type === type && one.name === name),
      );
      expect(left.filter(({ name }) => !/Sourcemap\d+$/.test(name))).toEqual([]);
    },
    LONG_MS,
  );
});

function resources(url: string): string {
  return `apiVersion: fairlead.dev/v1
kind: Project
metadata: { name: default }
spec: { egress: ["${PRIVATE_ADDRESS}"] }
---
apiVersion: fairlead.dev/v1
kind: Source
metadata: { name: fleet }
spec: { git: { url: "${url}" }, poll: 1h, webhook: fleet-hook }
---
apiVersion: fairlead.dev/v1
kind: App
metadata: { name: shop }
spec:
  source: fleet
  path: "apps/shop/overlays/\${cluster.labels.env}"
  namespace: shop
  clusters: {}
`;
}
