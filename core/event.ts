/**
 * The facts on the bus. `detail` is small and names things; nothing in it is a decision to obey.
 */
import * as z from "zod";

const app = { project: z.string(), app: z.string() };
const promotion = { project: z.string(), promotion: z.string() };
const release = z.number().int().positive();
const rollout = { ...app, release };

export const hubEventSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("source.changed"),
    detail: z.object({ project: z.string(), source: z.string(), commit: z.string() }),
  }),
  z.object({ type: z.literal("project.changed"), detail: z.object({ project: z.string() }) }),
  z.object({
    type: z.literal("policy.changed"),
    detail: z.object({ project: z.string(), policy: z.string() }),
  }),
  z.object({
    type: z.literal("promotion.changed"),
    detail: z.object(promotion),
  }),
  /** A person does not wait for the soak. */
  z.object({ type: z.literal("promotion.asked"), detail: z.object({ ...promotion, release }) }),
  /** A pull request; `updated`: the one that was open carries a newer release. */
  z.object({
    type: z.literal("promotion.opened"),
    detail: z.object({ ...promotion, release, url: z.string() }),
  }),
  z.object({
    type: z.literal("promotion.updated"),
    detail: z.object({ ...promotion, release, url: z.string() }),
  }),
  z.object({
    type: z.literal("promotion.declined"),
    detail: z.object({ ...promotion, release, url: z.string() }),
  }),
  /** The target holds the release. */
  z.object({ type: z.literal("promotion.landed"), detail: z.object({ ...promotion, release }) }),
  z.object({ type: z.literal("promotion.failed"), detail: z.object({ ...promotion, reason: z.string() }) }),
  /** A webhook told of a push. */
  z.object({
    type: z.literal("source.nudged"),
    detail: z.object({ project: z.string(), source: z.string() }),
  }),
  z.object({ type: z.literal("app.changed"), detail: z.object(app) }),
  z.object({
    type: z.literal("cluster.changed"),
    detail: z.object({ project: z.string(), cluster: z.string() }),
  }),
  /** Its Kubernetes minor, or the APIs that it serves. */
  z.object({
    type: z.literal("cluster.served"),
    detail: z.object({ project: z.string(), cluster: z.string() }),
  }),
  z.object({
    type: z.literal("cluster.registered"),
    /** `replaced`: another key was good until then. */
    detail: z.object({ project: z.string(), cluster: z.string(), replaced: z.boolean().optional() }),
  }),
  z.object({
    type: z.literal("cluster.rotated"),
    detail: z.object({ project: z.string(), cluster: z.string() }),
  }),
  z.object({
    type: z.literal("cluster.revoked"),
    detail: z.object({ project: z.string(), cluster: z.string() }),
  }),
  /** One agent key is used from two places that are both alive. */
  z.object({
    type: z.literal("cluster.duplicated"),
    detail: z.object({ project: z.string(), cluster: z.string() }),
  }),
  /** "Not now", of the cluster as a whole or for one App: said by a person, or told by its agent. */
  z.object({
    type: z.literal("cluster.held"),
    detail: z.object({
      project: z.string(),
      cluster: z.string(),
      app: z.string().optional(),
      until: z.number(),
      reason: z.string(),
    }),
  }),
  z.object({ type: z.literal("release.created"), detail: z.object({ ...rollout, commit: z.string() }) }),
  /** Ranks `from` up to, not including, `to` may be assigned, as long as the rollout's fence is `fence`. */
  z.object({
    type: z.literal("rollout.released"),
    detail: z.object({ ...rollout, fence: z.number().int(), from: z.number().int(), to: z.number().int() }),
  }),
  z.object({ type: z.literal("rollout.started"), detail: z.object(rollout) }),
  /** It would delete more than its budget and waits for an approval. */
  z.object({ type: z.literal("rollout.withheld"), detail: z.object({ ...rollout, reason: z.string() }) }),
  z.object({ type: z.literal("rollout.succeeded"), detail: z.object(rollout) }),
  z.object({ type: z.literal("rollout.halted"), detail: z.object({ ...rollout, reason: z.string() }) }),
  z.object({ type: z.literal("rollout.superseded"), detail: z.object(rollout) }),
  z.object({ type: z.literal("rollout.aborted"), detail: z.object(rollout) }),
  z.object({ type: z.literal("rollout.paused"), detail: z.object(rollout) }),
  /** What the stage in force begins to wait for, or that it begins to move. */
  z.object({
    type: z.literal("rollout.stage.started"),
    detail: z.object({
      ...rollout,
      stage: z.string(),
      waits: z.enum(["soaking", "gates", "approval", "window", "dependency"]).optional(),
    }),
  }),
  /** A gate of the stage in force has to be judged; the answer counts for this attempt alone. */
  z.object({
    type: z.literal("rollout.gate.asked"),
    detail: z.object({ ...rollout, stage: z.string(), gate: z.string(), attempt: z.number().int() }),
  }),
  /** Its way back has to be made and signed. */
  z.object({ type: z.literal("rollout.rolling-back"), detail: z.object({ ...rollout, reason: z.string() }) }),
  z.object({ type: z.literal("rollout.rolled-back"), detail: z.object({ ...rollout, reason: z.string() }) }),
  z.object({
    type: z.literal("drift.detected"),
    detail: z.object({ ...app, cluster: z.string(), objects: z.number() }),
  }),
  z.object({
    type: z.literal("audit.completed"),
    detail: z.object({ project: z.string(), slot: z.string() }),
  }),
]);
export type HubEvent = z.infer<typeof hubEventSchema>;
export type EventType = HubEvent["type"];

/** The `source` of every Fairlead event on EventBridge. */
export const EVENT_SOURCE = "fairlead";
