/** The signer on AWS, against an emulator of KMS that makes Ed25519 keys and signs with them. */
import {
  CreateKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  KMSClient,
  type KeySpec,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kmsPublicKey, kmsSigner } from "../../../functions/release/kms.ts";
import { signerConformance, STATEMENT } from "../../conformance/signer.ts";
import { startMiniStack, type MiniStack } from "../../support/ministack.ts";

let aws: MiniStack;
let client: KMSClient;

beforeAll(async () => {
  aws = await startMiniStack();
  const { endpoint, credentials, region } = aws;
  client = new KMSClient({ endpoint, credentials, region });
}, 300_000);
afterAll(async () => {
  client?.destroy();
  await aws?.stop();
});

async function keyOf(KeySpec: KeySpec): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec, KeyUsage: "SIGN_VERIFY" }));
  return KeyMetadata?.Arn ?? "";
}

describe("kmsSigner", () => {
  signerConformance(async () => {
    const key = await keyOf("ECC_NIST_EDWARDS25519");
    return {
      signer: await kmsSigner(client, key),
      publicKey: await kmsPublicKey(client, key),
      close: () => Promise.resolve(),
    };
  });

  it("fails while its key is disabled, and signs again once it is not", async () => {
    const KeyId = await keyOf("ECC_NIST_EDWARDS25519");
    const signer = await kmsSigner(client, KeyId);
    await client.send(new DisableKeyCommand({ KeyId }));
    await expect(signer.sign(STATEMENT)).rejects.toThrow(/disabled/i);
    await client.send(new EnableKeyCommand({ KeyId }));
    expect(await signer.sign(STATEMENT)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it("asks for no signature of more than KMS takes, and names what to shorten", async () => {
    const signer = await kmsSigner(client, await keyOf("ECC_NIST_EDWARDS25519"));
    const long = { ...STATEMENT, app: "a".repeat(4000) };
    await expect(signer.sign(long)).rejects.toThrow(
      /KMS takes 4096: shorten what its App says in spec\.sync\.ignore/,
    );
  });

  it("refuses a key that is no Ed25519 key, and one that is not there", async () => {
    await expect(kmsSigner(client, await keyOf("ECC_NIST_P256"))).rejects.toThrow("is no Ed25519 key");
    const nowhere = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000";
    await expect(kmsSigner(client, nowhere)).rejects.toMatchObject({ name: "NotFoundException" });
  });
});
