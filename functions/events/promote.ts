/** Bus → Git hosts: a rollout that succeeded, a Promotion that changed or was asked for. Schedule → the same for all of them. */
import * as z from "zod";
import { awsDeps, whenWriting } from "../aws.ts";
import { metered, type Metered } from "../meter/meter.ts";
import { parseBusEvent } from "../bus/event.ts";
import { countedLog } from "../log.ts";
import { awsOutbound } from "../outbound/aws.ts";
import type { PromoteDeps } from "../promotion/look.ts";
import { promoteFor, sweepPromotions } from "../promotion/sweep.ts";
import { awsSecrets } from "../secrets/aws.ts";

/** What the schedule in `infra/` sends. */
const sweepSchema = z.object({ sweep: z.literal(true) });

let deps: (PromoteDeps & Metered) | undefined;

export const handler = whenWriting(work, undefined);

async function work(raw: unknown): Promise<void> {
  const held = (deps ??= compose());
  const log = countedLog(held.meter);
  await metered(held, () =>
    sweepSchema.safeParse(raw).success
      ? sweepPromotions(held, (where, error) =>
          log({ level: "error", job: "promote", ...where, error: String(error) }),
        )
      : promoteFor(held, parseBusEvent(raw)),
  );
}

function compose(): PromoteDeps & Metered {
  const { env, ...rest } = awsDeps();
  return { ...rest, outbound: awsOutbound(), secrets: awsSecrets(env) };
}
