/** "Look at this Source" as an event: what it says is looked at again, so it may come twice, late or never. */
import type { HubEvent } from "#core/event.ts";
import { getResource } from "../store/resource.ts";
import { pollSource, type SourceDeps } from "./poll-source.ts";

export async function lookAtNudged(deps: SourceDeps, event: HubEvent): Promise<void> {
  if (event.type !== "source.nudged") return;
  const { project, source } = event.detail;
  const stored = await getResource(deps.db, "Source", project, source);
  if (stored !== undefined) await pollSource(deps, stored.resource);
}
