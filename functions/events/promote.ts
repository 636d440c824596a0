/** Bus → Git hosts: a rollout that succeeded, a Promotion that changed or was asked for. Schedule → the same for all of them. */
import * as z from "zod";
import { awsDeps, whenWriting } from "../aws.ts";
import { parseBusEvent } from "../bus/event.ts";
import { jsonLog } from "../log.ts";
import { awsOutbound } from "../outbound/aws.ts";
import type { PromoteDeps } from "../promotion/look.ts";
import { promoteFor, sweepPromotions } from "../promotion/sweep.ts";
import { awsSecrets } from "../secrets/aws.ts";

/** What the schedule in `infra/` sends. */
const sweepSchema = z.object({ sweep: z.literal(true) });

let deps: PromoteDeps | undefined;

export const handler = whenWriting(work, undefined);

async function work(raw: unknown): Promise<void> {
  deps ??= compose();
  if (!sweepSchema.safeParse(raw).success) return promoteFor(deps, parseBusEvent(raw));
  await sweepPromotions(deps, (where, error) =>
    jsonLog({ level: "error", job: "promote", ...where, error: String(error) }),
  );
}

function compose(): PromoteDeps {
  const { env, ...rest } = awsDeps();
  return { ...rest, outbound: awsOutbound(), secrets: awsSecrets(env) };
}
