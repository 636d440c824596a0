/** Bus → releases: a new commit, an edited App or a changed cluster, looked at. The one function that signs. */
import type { EventBridgeEvent } from "aws-lambda";
import { parseBusEvent } from "../bus/event.ts";
import { releaseDeps } from "../release/aws.ts";
import { lookFor } from "../release/look-apps.ts";

let deps: ReturnType<typeof releaseDeps> | undefined;

export async function handler(raw: EventBridgeEvent<string, unknown>): Promise<void> {
  await lookFor(await (deps ??= releaseDeps()), parseBusEvent(raw));
}
