/** Schedule → rollouts: decides again for all that are on their way, and hands out what was owed and lost. */
import { awsDeps, whenWriting } from "../aws.ts";
import { metered } from "../meter/meter.ts";
import { forgetPromotions } from "../promotion/forget.ts";
import { sweepRollouts } from "../rollout/tick-apps.ts";

let deps: ReturnType<typeof awsDeps> | undefined;

export const handler = whenWriting(work, undefined);

async function work(): Promise<void> {
  const held = (deps ??= awsDeps());
  await metered(held, async () => {
    await sweepRollouts(held);
    await forgetPromotions(held.db);
  });
}
