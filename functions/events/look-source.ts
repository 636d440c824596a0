/** Bus → Git: a webhook told of a push, so its Source is looked at now. */
import type { EventBridgeEvent } from "aws-lambda";
import { awsDeps, whenWriting } from "../aws.ts";
import { metered, type Metered } from "../meter/meter.ts";
import { parseBusEvent } from "../bus/event.ts";
import { awsOutbound } from "../outbound/aws.ts";
import { lookAtNudged } from "../release/look-source.ts";
import type { SourceDeps } from "../release/poll-source.ts";
import { awsSecrets } from "../secrets/aws.ts";

let deps: (SourceDeps & Metered) | undefined;

export const handler = whenWriting(work, undefined);

async function work(raw: EventBridgeEvent<string, unknown>): Promise<void> {
  const held = (deps ??= compose());
  await metered(held, () => lookAtNudged(held, parseBusEvent(raw)));
}

function compose(): SourceDeps & Metered {
  const { env, ...rest } = awsDeps();
  return { ...rest, outbound: awsOutbound(), secrets: awsSecrets(env) };
}
