/** The release function's own composition: besides table and objects, the renderer and the signing key. */
import type { PrivateKey } from "./sign.ts";
import { awsDeps } from "../aws.ts";
import { needed } from "../env.ts";
import { createRenderer } from "../render/render.ts";
import { localSigner } from "./sign.ts";
import type { ReleaseDeps } from "./look.ts";

export async function releaseDeps(): Promise<ReleaseDeps> {
  const { env, ...deps } = awsDeps();
  const key = JSON.parse(needed(env, "FAIRLEAD_SIGNING_KEY")) as PrivateKey;
  const renderer = createRenderer({ wasmFile: needed(env, "FAIRLEAD_RENDER_ENGINE") });
  return { ...deps, renderer, signer: await localSigner(key) };
}
