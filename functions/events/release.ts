/**
 * Bus → releases: a new commit, an edited App, a changed cluster, Project or Policy, looked at. Schedule → the same for all Apps that
 * are due. The one function that renders and signs.
 */
import * as z from "zod";
import { whenWriting } from "../aws.ts";
import { parseBusEvent } from "../bus/event.ts";
import { metered } from "../meter/meter.ts";
import { releaseDeps } from "../release/aws.ts";
import { lookFor } from "../release/look-apps.ts";
import { AppSweeper } from "../release/sweep-apps.ts";

/** What the schedule in `infra/` sends. */
const sweepSchema = z.object({ sweep: z.literal(true) });

const sweeper = new AppSweeper();
let deps: ReturnType<typeof releaseDeps> | undefined;

export const handler = whenWriting(work, undefined);

async function work(raw: unknown): Promise<void> {
  deps ??= releaseDeps();
  // KMS may be away for a moment: the next event asks again.
  deps.catch(() => (deps = undefined));
  const held = await deps;
  await metered(held, () =>
    sweepSchema.safeParse(raw).success ? sweeper.sweep(held) : lookFor(held, parseBusEvent(raw)),
  );
}
