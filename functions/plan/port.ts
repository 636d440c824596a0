/**
 * Who makes plans. Rendering needs the engine and takes long, so people's API asks for it here: of its own process
 * (`in-process.ts`), or of a function that has the engine, and neither the signing key nor anything to write with
 * (`lambda.ts`).
 */
import * as z from "zod";
import { releasePlanSchema, workingFilesSchema } from "#core/release-plan.ts";
import { readSourceSchema } from "#core/source.ts";

export const planCallSchema = z.object({
  project: z.string(),
  app: z.string(),
  candidate: z.discriminatedUnion("kind", [
    /** Its tree is in the object store. */
    z.object({ kind: z.literal("commit"), read: readSourceSchema }),
    z.object({ kind: z.literal("files"), files: workingFilesSchema }),
  ]),
});
export type PlanCall = z.infer<typeof planCallSchema>;

export const planReplySchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("planned"), plan: releasePlanSchema }),
  /** There is no such App any more. */
  z.object({ kind: z.literal("gone") }),
  /** As many plans as may be are being made. */
  z.object({ kind: z.literal("busy") }),
]);
export type PlanReply = z.infer<typeof planReplySchema>;

export interface Planner {
  plan(call: PlanCall): Promise<PlanReply>;
}
