/** What every signer of statements does, whoever keeps its key: agents are the ones who have to believe it. */
import { decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { kidOf, SIGNED_TYPES, type PublicKey } from "#core/charter.ts";
import type { Statement } from "#core/statement.ts";
import { verifyStatement } from "../../agent/signed.ts";
import type { StatementSigner } from "../../functions/release/sign.ts";

export interface SignerUnderTest {
  signer: StatementSigner;
  publicKey: PublicKey;
  close(): Promise<void>;
}

export const STATEMENT: Statement = {
  hub: "hub-1",
  epoch: 1,
  project: "web",
  cluster: "eu-1",
  app: "shop",
  release: 3,
  generation: 5,
  floor: 1,
  order: { action: "remove", deletion: "delete", pruneLimit: 4 },
};

export function signerConformance(make: () => Promise<SignerUnderTest>): void {
  let made: SignerUnderTest;
  beforeAll(async () => {
    made = await make();
  }, 300_000);
  afterAll(() => made?.close());

  const charter = (key: PublicKey) => ({
    hub: "hub-1",
    serial: 1,
    epoch: 1,
    signers: [{ kid: kidOf(key), key }],
    urls: ["https://hub.example.com"],
  });

  it("signs what an agent accepts under a charter that names its key, and reads back whole", async () => {
    const { signer, publicKey } = made;
    const text = await signer.sign(STATEMENT);
    expect(await verifyStatement(text, charter(publicKey))).toMatchObject({
      kind: "verified",
      value: STATEMENT,
    });
    expect(decodeProtectedHeader(text)).toEqual({
      alg: "EdDSA",
      typ: SIGNED_TYPES.statement,
      kid: kidOf(publicKey),
    });
    expect(signer.kid).toBe(kidOf(publicKey));
  });

  it("signs many at once, each its own", async () => {
    const { signer, publicKey } = made;
    const all = Array.from({ length: 40 }, (_, index) => ({ ...STATEMENT, cluster: `c-${index}` }));
    const texts = await Promise.all(all.map((one) => signer.sign(one)));
    const read = await Promise.all(texts.map((text) => verifyStatement(text, charter(publicKey))));
    expect(read).toMatchObject(all.map((value) => ({ kind: "verified", value })));
  });
}
