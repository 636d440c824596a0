/** Bus → placements: hands out the ranks that a rollout released. */
import type { EventBridgeEvent } from "aws-lambda";
import { awsDeps, whenWriting } from "../aws.ts";
import { metered } from "../meter/meter.ts";
import { parseBusEvent } from "../bus/event.ts";
import { assignRange } from "../rollout/assign.ts";

let deps: ReturnType<typeof awsDeps> | undefined;

export const handler = whenWriting(work, undefined);

async function work(raw: EventBridgeEvent<string, unknown>): Promise<void> {
  const event = parseBusEvent(raw);
  const held = (deps ??= awsDeps());
  if (event.type === "rollout.released") await metered(held, () => assignRange(held, event.detail));
}
