/**
 * Bus → releases: a new commit, an edited App, a changed cluster, Project or Policy, looked at. Schedule → the same for all Apps. The one
 * function that renders and signs.
 */
import * as z from "zod";
import { whenWriting } from "../aws.ts";
import { parseBusEvent } from "../bus/event.ts";
import { releaseDeps } from "../release/aws.ts";
import { lookFor, sweepApps } from "../release/look-apps.ts";

/** What the schedule in `infra/` sends. */
const sweepSchema = z.object({ sweep: z.literal(true) });

let deps: ReturnType<typeof releaseDeps> | undefined;

export const handler = whenWriting(work, undefined);

async function work(raw: unknown): Promise<void> {
  const held = await (deps ??= releaseDeps());
  await (sweepSchema.safeParse(raw).success ? sweepApps(held) : lookFor(held, parseBusEvent(raw)));
}
