/** Schedule → everything that an event should have moved and did not. */
import { releaseDeps } from "../release/aws.ts";
import { sweepApps } from "../release/look-apps.ts";
import { sweepRollouts } from "../rollout/tick-apps.ts";

let deps: ReturnType<typeof releaseDeps> | undefined;

export async function handler(): Promise<void> {
  const release = await (deps ??= releaseDeps());
  await sweepApps(release);
  await sweepRollouts(release);
}
