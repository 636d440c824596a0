/** The release function's own composition: besides table and objects, the renderer and the signing key in KMS. */
import { KMSClient } from "@aws-sdk/client-kms";
import { signerFault } from "#core/charter.ts";
import { awsDeps } from "../aws.ts";
import { needed } from "../env.ts";
import type { Metered } from "../meter/meter.ts";
import { awsOutbound } from "../outbound/aws.ts";
import { createRenderer } from "../render/render.ts";
import { charterOf, findHub } from "../store/hub.ts";
import { noteSigning, raiseFormat } from "../store/hub-write.ts";
import { kmsSigner } from "./kms.ts";
import { awsSecrets } from "../secrets/aws.ts";
import type { ReleaseDeps } from "./look.ts";

export async function releaseDeps(): Promise<ReleaseDeps & Metered> {
  const { env, ...deps } = awsDeps();
  const renderer = createRenderer({ wasmFile: needed(env, "FAIRLEAD_RENDER_ENGINE") });
  // A release of many clusters may meet KMS's quota for the account, which comes anew each second.
  const client = new KMSClient({ maxAttempts: 8, retryMode: "adaptive" });
  const signer = await kmsSigner(client, needed(env, "FAIRLEAD_SIGNING_KEY"));
  // A region that took over, and whose key was never certified, must not order what every agent refuses.
  const hub = await findHub(deps.db);
  const fault = hub === undefined ? undefined : signerFault(charterOf(hub), signer.kid);
  if (fault !== undefined) throw new Error(fault);
  // Once in an instance's life: from then on no charter is taken that lacks this key.
  await noteSigning(deps.db, signer.kid);
  await raiseFormat(deps.db);
  return { ...deps, renderer, signer, outbound: awsOutbound(), secrets: awsSecrets(env) };
}
