/**
 * `fairlead hub open`: makes a hub of an empty table, with the AWS credentials and endpoint of the environment. The recovery key is
 * written to its file first, so a run that was cut off is repeated with the same one. Run a second time it changes nothing.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { fingerprintOf, kidOf, type PublicKey } from "#core/charter.ts";
import { makeBootstrapToken } from "../../functions/identity/bootstrap.ts";
import { openHub } from "../../functions/release/open-hub.ts";
import type { PrivateKey } from "../../functions/release/sign.ts";
import { createDb } from "../../functions/store/db.ts";
import { findHub } from "../../functions/store/hub.ts";
import { ensureKeyFile } from "../charter.ts";
import { ARN, signingKeyIn } from "./signing-key.ts";

const USAGE = "fairlead hub open --table NAME --url URL --signing-key ARN [--recovery-key FILE]";

async function main(argv: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...argv],
    options: { table: text, url: text, "recovery-key": text, "signing-key": text },
  });
  const { table, url } = values;
  const { "signing-key": arn = "" } = values;
  if (table === undefined || url === undefined || !/^https?:\/\//.test(url) || !ARN.test(arn))
    throw new Error(USAGE);
  const client = new DynamoDBClient();
  try {
    const db = createDb(DynamoDBDocumentClient.from(client), table);
    const before = await findHub(db);
    if (before !== undefined) {
      process.stderr.write(`table ${table} holds hub ${before.hub} already: it is open\n`);
      return 1;
    }
    const signing = await signingKeyIn(arn);
    const recovery = await keyIn(values["recovery-key"] ?? "fairlead-recovery.json");
    const hub = `hub-${randomBytes(6).toString("hex")}`;
    const keys = { recovery: recovery.key, signing };
    await openHub(db, { hub, ...keys, url: url.replace(/\/+$/, ""), newEpoch: false });
    const { token, expiresAt } = await makeBootstrapToken(db, Date.now());
    tell(hub, recovery, signing);
    process.stdout.write(`${token}\n`);
    process.stderr.write(
      `That is the first admin's token, good once until ${new Date(expiresAt).toISOString()}: fairlead login --bootstrap TOKEN\n`,
    );
    return 0;
  } finally {
    client.destroy();
  }
}

interface KeyFile {
  file: string;
  key: PrivateKey;
}

async function keyIn(file: string): Promise<KeyFile> {
  const path = resolve(file);
  await ensureKeyFile(path);
  return { file, key: JSON.parse(await readFile(path, "utf8")) as PrivateKey };
}

function tell(hub: string, recovery: KeyFile, signing: PublicKey): void {
  process.stderr.write(
    [
      `hub ${hub} is open`,
      `${recovery.file}: the recovery key, ${fingerprintOf(recovery.key)}`,
      "  every agent pins it. Keep it offline, in two places: without it a lost hub means a visit to each cluster.",
      `it signs with ${kidOf(signing)}, which KMS keeps`,
      "",
    ].join("\n"),
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`the hub was not opened: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
