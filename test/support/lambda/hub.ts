/** A real engine of the table with an open hub, one registered agent and one API token: whom packaged functions answer. */
import { exportJWK, generateKeyPair } from "jose";
import { AGENT_PATHS } from "#core/protocol.ts";
import { publicHalf } from "../../../functions/release/sign.ts";
import { putToken, redeemToken } from "../../../functions/store/cluster.ts";
import { apiToken } from "../caller.ts";
import { signed } from "../costs.ts";
import { startDynamo } from "../dynamo.ts";
import { cluster, plainParts } from "../hub-parts.ts";

export type LambdaHub = Awaited<ReturnType<typeof lambdaHub>>;

export async function lambdaHub() {
  const engine = await startDynamo();
  const hub = await plainParts({ start: () => Promise.resolve(engine) });
  hub.setNow(Date.now());
  await hub.apply(cluster("a"));
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const secret = "secret".repeat(8);
  await putToken(hub.db, "default", "a", secret, hub.now() + 60_000);
  const redeemed = await redeemToken(hub.db, secret, publicHalf(await exportJWK(publicKey)), hub.now());
  if (redeemed.kind === "refused") throw new Error(redeemed.message);
  return {
    engine,
    /** What the functions' composition roots want to find. */
    env: {
      FAIRLEAD_TABLE: "fairlead",
      FAIRLEAD_BUCKET: "bucket",
      FAIRLEAD_SECRETS: "/fairlead/test",
      FAIRLEAD_HUB_URL: "https://hub.example",
      FAIRLEAD_PLAN_FUNCTION: "plan",
      AWS_ENDPOINT_URL: engine.endpoint,
      AWS_REGION: "local",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    },
    /** Headers of the agent's poll; good for a minute. */
    poll: async () => ({
      authorization: await signed(privateKey, Date.now, "GET", AGENT_PATHS.desired, undefined),
    }),
    /** Headers of a person's request. */
    person: { authorization: `Bearer ${await apiToken(hub.db)}` },
    stop: () => hub.stop(),
  };
}
