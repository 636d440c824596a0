/** The local signer, its key a file; and that no statement outgrows what the other one signs. */
import { describe, expect, it } from "vitest";
import { appSchema } from "#core/app.ts";
import { canonicalJson } from "#core/digest.ts";
import { IGNORE_BYTES_MAX, NAME_CHARS_MAX, ORDER_BYTES_MAX, SIGNED_BYTES_MAX } from "#core/limits.ts";
import { orderTooLong } from "#core/release.ts";
import { statementSchema } from "#core/statement.ts";
import { localSigner, makePrivateKey, publicHalf } from "../../../functions/release/sign.ts";
import { signerConformance } from "../../conformance/signer.ts";

describe("localSigner", () => {
  signerConformance(async () => {
    const key = await makePrivateKey();
    return { signer: await localSigner(key), publicKey: publicHalf(key), close: () => Promise.resolve() };
  });
});

describe("a statement", () => {
  const name = "n".repeat(NAME_CHARS_MAX);
  const app = (paths: readonly string[]) => ({
    apiVersion: "fairlead.dev/v1",
    kind: "App",
    metadata: { name: "shop", project: "web" },
    spec: { source: "fleet", clusters: {}, sync: { ignore: [{ paths }] } },
  });
  /** `[{"paths":["…"]}]` of so many bytes. */
  const filled = (bytes: number): string[] => {
    const paths: string[] = [];
    for (let left = bytes - '[{"paths":[]}]'.length; left > 0; left -= 503)
      paths.push(`/${"p".repeat(Math.min(left, 503) - 4)}`);
    return paths;
  };

  it("of the longest names and the most rules on ignored fields is short enough for KMS", async () => {
    const { sync } = appSchema.parse(app(filled(IGNORE_BYTES_MAX))).spec;
    expect(JSON.stringify(sync.ignore).length).toBeGreaterThan(IGNORE_BYTES_MAX - 10);
    const most = Number.MAX_SAFE_INTEGER;
    const statement = statementSchema.parse({
      hub: "h".repeat(64),
      epoch: most,
      project: name,
      cluster: name,
      app: name,
      release: most,
      generation: most,
      floor: most,
      order: {
        action: "apply",
        bundle: { digest: "f".repeat(64), size: 33_554_432 },
        namespace: name,
        sync: { ...sync, adopt: false, force: false, suspend: false, prune: false, deletion: "orphan" },
        pruneLimit: most,
      },
    });
    const text = await (await localSigner(await makePrivateKey())).sign(statement);
    expect(text.lastIndexOf(".")).toBeLessThanOrEqual(SIGNED_BYTES_MAX);
  });

  it("of the longest order, with its commit, is short enough as well", async () => {
    const most = Number.MAX_SAFE_INTEGER;
    const { sync } = appSchema.parse(app(["/p"])).spec;
    const order = (letters: number) => ({
      action: "apply" as const,
      bundle: { digest: "f".repeat(64), size: 33_554_432 },
      namespace: name,
      sync: { ...sync, health: [{ apiVersion: "v1", kind: "ConfigMap", current: "k".repeat(letters) }] },
      pruneLimit: most,
    });
    const room = ORDER_BYTES_MAX - canonicalJson(order(0)).length;
    expect(orderTooLong({ cluster: name, ...order(room) })).toBeUndefined();
    expect(orderTooLong({ cluster: name, ...order(room + 1) })).toContain("2400 can be signed");
    const numbers = { epoch: most, release: most, generation: most, floor: most };
    const names = { hub: "h".repeat(64), project: name, cluster: name, app: name };
    const source = { commit: "c".repeat(64) };
    const signer = await localSigner(await makePrivateKey());
    const text = await signer.sign({ ...names, ...numbers, source, order: order(room) });
    expect(text.lastIndexOf(".")).toBeLessThanOrEqual(SIGNED_BYTES_MAX);
  });

  it("never has more: an App with one rule too many is refused, with the limit", () => {
    const refused = appSchema.safeParse(app(filled(IGNORE_BYTES_MAX + 20)));
    expect(refused.error?.issues).toMatchObject([
      { path: ["spec", "sync", "ignore"], message: expect.stringContaining("2000 bytes") },
    ]);
  });
});
