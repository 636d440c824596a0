/** The yes that a stage asks for: when, how many people's, and whose. */
import * as z from "zod";
import { isMember, type Binding } from "./access.ts";
import type { Actor } from "./actor.ts";

const COUNT_MAX = 10;
const BY_MAX = 20;
const text = z.string().min(1).max(300);

const approverSchema = z.union([
  z.strictObject({ user: text }),
  z.strictObject({ group: text }),
  /** A role of the App's Project, or of the hub's. */
  z.strictObject({ role: z.string().min(1).max(63) }),
]);
type Approver = z.infer<typeof approverSchema>;

export const approversSchema = z.strictObject({
  /** Different people, each counted once. */
  count: z.number().int().min(1, "must be at least 1: leave approval out for none").max(COUNT_MAX).default(1),
  /** Absent: whoever may approve rollouts. */
  by: z.array(approverSchema).min(1).max(BY_MAX).optional(),
});
export type Approvers = z.infer<typeof approversSchema>;

/** `required` is `before`. */
export const approvalSpecSchema = z.union([
  z.enum(["required", "before", "after"]),
  approversSchema.extend({ when: z.enum(["before", "after"]).default("before") }),
]);
export type ApprovalSpec = z.infer<typeof approvalSpecSchema>;

/** As a stage keeps it. */
export function approvalOf(spec: ApprovalSpec): { approval: "before" | "after"; approvers?: Approvers } {
  if (typeof spec === "string") return { approval: spec === "after" ? "after" : "before" };
  const { when, ...approvers } = spec;
  return { approval: when, approvers };
}

/**
 * Why the yes of `actor` does not count there; undefined: it does. Where several are asked for, or named people, an API
 * token is none of them: one person may hold many. `bindings` are those of the App's Project and of the hub's.
 */
export function approverRefusal(
  { count, by }: Approvers,
  actor: Actor,
  bindings: readonly Binding[],
): string | undefined {
  if (by === undefined)
    return count === 1 || actor.kind === "user"
      ? undefined
      : `${count} people have to approve it, and this is none`;
  return by.some((one) => isApprover(one, actor, bindings))
    ? undefined
    : `only ${namesOf(by)} may approve it`;
}

function isApprover(one: Approver, actor: Actor, bindings: readonly Binding[]): boolean {
  if (!("role" in one)) return isMember(one, actor);
  const members = bindings.filter(({ role }) => role === one.role).flatMap((binding) => binding.members);
  return actor.kind === "user" && members.some((member) => isMember(member, actor));
}

function namesOf(by: readonly Approver[]): string {
  return by.map((one) => Object.entries(one).flat().join(" ")).join(", ");
}
