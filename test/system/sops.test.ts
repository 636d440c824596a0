/**
 * A Secret made by the real `sops` arrives opened in a real cluster and nowhere else: the plain text is searched for in
 * every item of the hub's table, every object of its store, what hub and agent say, and every answer about the App.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { localDynamoConfig } from "../../functions/local/dynamo.ts";
import { applyApp, live, placementOf, rolloutOf, startLine, type Line } from "../support/line.ts";
import { DATA_ONLY, makeAgeKey, sopsEncrypted, type AgeKey } from "../support/sops-files.ts";
import { until } from "../support/wait.ts";

const LONG_MS = 600_000;
const PASSWORD = "correct-horse-battery-staple";
const LIVE_EDIT = "typed-into-the-cluster-by-hand";
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const SOUGHT = [PASSWORD, base64(PASSWORD), LIVE_EDIT, base64(LIVE_EDIT), "AGE-SECRET-KEY"];

let line: Line;
let key: AgeKey;
const said: string[] = [];
beforeAll(async () => {
  key = await makeAgeKey();
  line = await startLine(["eu"], { log: (entry) => void said.push(JSON.stringify(entry)) });
  // The agent makes its namespace when it starts.
  await until("the key in the cluster", () =>
    kubectl("create", "secret", "generic", "fairlead-sops", "-n", "fairlead-system", keyLiteral()),
  );
}, LONG_MS);
afterAll(() => line?.stop(), LONG_MS);

const keyLiteral = (): string => `--from-literal=age.agekey=${key.identity}`;

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = (await line.clusters["eu"]?.kubectl(args)) ?? {};
  expect(code, stderr).toBe(0);
  return stdout ?? "";
}

const secret = (password: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData:\n  password: ${password}\n`;
const NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";

async function passwordInCluster(): Promise<string> {
  const found = (await live(line, "eu", "secret", "db")) as { data?: { password?: string } } | undefined;
  return Buffer.from(found?.data?.password ?? "", "base64").toString();
}

/** Everything that the hub holds, as text: items of the table, and objects as they are and unpacked. */
async function heldByHub(): Promise<string[]> {
  const held: string[] = [];
  for await (const item of itemsOf(line)) held.push(JSON.stringify(item));
  for (const entry of await readdir(join(line.folder, "hub"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    const isZipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    held.push(bytes.toString("latin1"), isZipped ? gunzipSync(bytes).toString() : "");
  }
  return held;
}

async function* itemsOf({ hub }: Line): AsyncGenerator {
  const client = new DynamoDBClient(localDynamoConfig(hub.dynamoEndpoint));
  for await (const { Items = [] } of paginateScan({ client }, { TableName: hub.table })) yield* Items;
  client.destroy();
}

async function answers(): Promise<string[]> {
  const paths = ["apps/shop", "apps/shop/releases", "apps/shop/placements", "apps/shop/placements/eu"];
  const read = async (path: string): Promise<string> => {
    const headers = { authorization: `Bearer ${line.hub.apiToken}` };
    return (await fetch(`${line.hub.url}/v1/projects/default/${path}`, { headers })).text();
  };
  return Promise.all(paths.map(read));
}

const found = (texts: readonly string[], sought: string): number =>
  texts.filter((text) => text.includes(sought)).length;

describe("a Secret encrypted by sops", () => {
  it(
    "arrives opened in the cluster, and its plain text is nowhere in table, store, logs, reports and answers",
    async () => {
      const commit = await line.tree.push(
        {
          "apps/shop/overlays/eu/ns.yaml": NAMESPACE,
          "apps/shop/overlays/eu/db.secret.yaml": await sopsEncrypted(secret(PASSWORD), key, ...DATA_ONLY),
        },
        "Add the database's password",
      );
      await applyApp(line, { rollout: { progressDeadline: "60s" } });
      await rolloutOf(line, commit);
      expect(await passwordInCluster()).toBe(PASSWORD);

      await kubectl(
        "patch",
        "secret",
        "db",
        "-n",
        "shop",
        `--patch={"stringData":{"password":"${LIVE_EDIT}"}}`,
      );
      await until("the drift is told", async () => (await placementOf(line, "eu")).detail?.drift[0]);
      await until("the edit is restored", async () => (await passwordInCluster()) === PASSWORD);

      // A file that is put in its place while they are read: all of them again.
      const kept = await until("the hub's files, read as they stand", heldByHub);
      const held = [...kept, ...(await answers()), ...said, line.agents["eu"]?.log() ?? ""];
      expect(Object.fromEntries(SOUGHT.map((sought) => [sought, found(held, sought)]))).toEqual(
        Object.fromEntries(SOUGHT.map((sought) => [sought, 0])),
      );
      // The search finds what is there: the encrypted file in the kept tree, the drift's path.
      expect(found(held, "ENC[AES256_GCM")).toBeGreaterThan(0);
      expect(found(held, "/data/password")).toBeGreaterThan(0);
    },
    LONG_MS,
  );
});
