/**
 * People's API → a plan: renders and compares. It holds no key and may write nothing, so a repository that took over the
 * renderer would gain what it could read anyway.
 */
import { awsDeps } from "../aws.ts";
import { needed } from "../env.ts";
import { createPlanner } from "../plan/in-process.ts";
import { planCallSchema, type Planner, type PlanReply } from "../plan/port.ts";
import { createRenderer } from "../render/render.ts";

let planner: Planner | undefined;

export async function handler(raw: unknown): Promise<PlanReply> {
  return (planner ??= compose()).plan(planCallSchema.parse(raw));
}

function compose(): Planner {
  const { env, ...deps } = awsDeps();
  return createPlanner({
    ...deps,
    renderer: createRenderer({ wasmFile: needed(env, "FAIRLEAD_RENDER_ENGINE") }),
  });
}
