/**
 * What renders for a plan: the engine, and no more than to read. It is called by people's API alone, which waits for it;
 * it has neither the signing key nor secrets, and writes nothing.
 */
import { ENGINE, packRenderer } from "./release.ts";
import { listObjects, names, readObjects, readTable, small } from "./rights.ts";

export const plan = new sst.aws.Function("Plan", {
  ...small,
  handler: "functions/events/plan.handler",
  // As the release function has: the engine may use a gibibyte before it is stopped.
  memory: "2048 MB",
  // Less than people's API waits.
  timeout: "100 seconds",
  // Rendering on demand costs: this many at once, and whoever asks for more is told to wait.
  concurrency: { reserved: 5 },
  hook: { postbuild: packRenderer },
  environment: { ...names, FAIRLEAD_RENDER_ENGINE: ENGINE },
  permissions: [readTable, readObjects("apis", "trees", "targets", "bundles", "charts"), listObjects],
});
export const callPlan = { actions: ["lambda:InvokeFunction"], resources: [plan.arn] };
