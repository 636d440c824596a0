/** A planner for hubs without the render engine: it renders plain YAML only, and starts nothing before it is asked. */
import { createPlanner } from "../../functions/plan/in-process.ts";
import type { Planner } from "../../functions/plan/port.ts";
import type { PlanDeps } from "../../functions/release/plan-release.ts";
import { createRenderer } from "../../functions/render/render.ts";

export function plainPlanner({
  db,
  objects,
  now,
}: Omit<PlanDeps, "renderer">): Planner & { close(): Promise<void> } {
  const renderer = createRenderer({ wasmFile: "", workers: 1 });
  return { ...createPlanner({ db, objects, now, renderer }), close: () => renderer.close() };
}
