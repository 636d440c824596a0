/**
 * `fairlead hub signing-key`: the public half of a key of KMS, as the charter has to name it, with the AWS credentials and endpoint
 * of the environment. The private half never leaves KMS.
 */
import { parseArgs } from "node:util";
import { KMSClient } from "@aws-sdk/client-kms";
import { kidOf, type PublicKey } from "#core/charter.ts";
import { kmsPublicKey } from "../../functions/release/kms.ts";

export const ARN = /^arn:[\w-]+:kms:/;

/** Throws when it is no Ed25519 key. */
export async function signingKeyIn(arn: string): Promise<PublicKey> {
  const client = new KMSClient();
  try {
    return await kmsPublicKey(client, arn);
  } finally {
    client.destroy();
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...argv], options: { key: { type: "string" } } });
  const { key: arn } = values;
  if (arn === undefined || !ARN.test(arn)) throw new Error("fairlead hub signing-key --key ARN");
  const key = await signingKeyIn(arn);
  process.stdout.write(`${JSON.stringify(key)}\n`);
  process.stderr.write(`the signing key ${kidOf(key)}\n`);
}

if (import.meta.main)
  await main(process.argv.slice(2)).catch((error: unknown) => {
    process.stderr.write(`the key was not read: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
