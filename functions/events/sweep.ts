/** Schedule → rollouts: decides again for all that are on their way, and hands out what was owed and lost. */
import { awsDeps } from "../aws.ts";
import { sweepRollouts } from "../rollout/tick-apps.ts";

let deps: ReturnType<typeof awsDeps> | undefined;

export async function handler(): Promise<void> {
  await sweepRollouts((deps ??= awsDeps()));
}
