/** What passes between the release function and the process that evaluates Policies. */
import * as z from "zod";
import { findingsSchema } from "#core/finding.ts";
import type { Policy } from "#core/policy.ts";
import type { Context } from "./judge.ts";

/** The first message sets up; each one after it holds a bundle's text. Each is answered within its own time. */
export type Setup = { kind: "setup"; policies: Policy[]; context: Context };
export type BundleText = { kind: "bundle"; text: string };
export type Job = (Setup | BundleText) & { timeoutMs: number };

export const replySchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  /** Which policy is looked at from now on. */
  z.object({ kind: z.literal("at"), policy: z.string() }),
  z.object({ kind: z.literal("judged"), findings: findingsSchema }),
  z.object({ kind: z.literal("timeout") }),
  z.object({ kind: z.literal("broken"), message: z.string() }),
]);
export type Reply = z.infer<typeof replySchema>;
