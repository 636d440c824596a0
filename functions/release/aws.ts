/** The release function's own composition: besides table and objects, the renderer and the signing key. */
import type { PrivateKey } from "./sign.ts";
import { awsDeps } from "../aws.ts";
import { needed } from "../env.ts";
import type { Metered } from "../meter/meter.ts";
import { awsOutbound } from "../outbound/aws.ts";
import { createRenderer } from "../render/render.ts";
import { noteSigning, raiseFormat } from "../store/hub.ts";
import { localSigner } from "./sign.ts";
import { awsSecrets } from "../secrets/aws.ts";
import type { ReleaseDeps } from "./look.ts";

export async function releaseDeps(): Promise<ReleaseDeps & Metered> {
  const { env, ...deps } = awsDeps();
  const key = JSON.parse(needed(env, "FAIRLEAD_SIGNING_KEY")) as PrivateKey;
  const renderer = createRenderer({ wasmFile: needed(env, "FAIRLEAD_RENDER_ENGINE") });
  const signer = await localSigner(key);
  // Once in an instance's life: from then on no charter is taken that lacks this key.
  await noteSigning(deps.db, signer.kid);
  await raiseFormat(deps.db);
  return { ...deps, renderer, signer, outbound: awsOutbound(), secrets: awsSecrets(env) };
}
