/** Bus → gates: asks whoever has to say whether a rollout may go on. It reads secrets, and holds no signing key. */
import type { EventBridgeEvent } from "aws-lambda";
import { awsDeps, whenWriting } from "../aws.ts";
import { metered, type Metered } from "../meter/meter.ts";
import { parseBusEvent } from "../bus/event.ts";
import { judgeAsked, type JudgeDeps } from "../gates/judge.ts";
import { awsOutbound } from "../outbound/aws.ts";
import { awsSecrets } from "../secrets/aws.ts";

let deps: (JudgeDeps & Metered) | undefined;

export const handler = whenWriting(work, undefined);

async function work(raw: EventBridgeEvent<string, unknown>): Promise<void> {
  const held = (deps ??= compose());
  await metered(held, () => judgeAsked(held, parseBusEvent(raw)));
}

function compose(): JudgeDeps & Metered {
  const { env, ...rest } = awsDeps();
  return { ...rest, outbound: awsOutbound(), secrets: awsSecrets(env) };
}
