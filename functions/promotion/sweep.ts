/** Which Promotions are looked at: all of them by the schedule, and at an event those that it may be about. */
import type { HubEvent } from "#core/event.ts";
import { listProjects, listResources } from "../store/resource.ts";
import { lookAtPromotion, type PromoteDeps } from "./look.ts";

export type OnPromotionError = (where: { project: string; promotion: string }, error: unknown) => void;

const PARALLEL = 4;

/** One that fails holds up no other. */
export async function sweepPromotions(deps: PromoteDeps, onError: OnPromotionError): Promise<void> {
  for (const project of await listProjects(deps.db)) {
    const promotions = await listResources(deps.db, "Promotion", project);
    const names = promotions.map(({ resource }) => resource.metadata.name);
    for (let start = 0; start < names.length; start += PARALLEL)
      await Promise.all(
        names
          .slice(start, start + PARALLEL)
          .map((name) =>
            lookAtPromotion(deps, project, name).catch((error: unknown) =>
              onError({ project, promotion: name }, error),
            ),
          ),
      );
  }
}

/** The event only says "look". */
export async function promoteFor(deps: PromoteDeps, event: HubEvent): Promise<void> {
  if (event.type === "promotion.changed" || event.type === "promotion.asked") {
    const { project, promotion } = event.detail;
    return lookAtPromotion(deps, project, promotion);
  }
  if (event.type !== "rollout.succeeded") return;
  const { project, app } = event.detail;
  const promotions = await listResources(deps.db, "Promotion", project);
  for (const { resource } of promotions)
    if (resource.spec.from.app === app) await lookAtPromotion(deps, project, resource.metadata.name);
}
