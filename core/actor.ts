/**
 * Who acts on the hub, proved before any decision is made, and the stamp that each of their changes carries: the audit
 * log is made of these.
 */
import * as z from "zod";
import { assertNever } from "./assert.ts";

export const actorSchema = z.discriminatedUnion("kind", [
  /** A person, by OIDC. `user` is the provider's e-mail address where it is verified, else its subject. */
  z.object({
    kind: z.literal("user"),
    issuer: z.string(),
    subject: z.string(),
    user: z.string(),
    groups: z.array(z.string()).readonly(),
  }),
  /** A job of a CI system, by its own OIDC token: claims as the issuer wrote them, text only. */
  z.object({
    kind: z.literal("ci"),
    issuer: z.string(),
    subject: z.string(),
    claims: z.record(z.string(), z.string()).readonly(),
  }),
  /** An API token; what it may stands on the token itself. */
  z.object({ kind: z.literal("token"), id: z.string(), name: z.string(), project: z.string() }),
  /** A fleet folder: what a commit of this Source says. */
  z.object({ kind: z.literal("source"), project: z.string(), name: z.string() }),
  /** The hub's own work: bootstrap, sweeps, removal after a deleted App has left. */
  z.object({ kind: z.literal("hub"), part: z.string() }),
]);
export type Actor = z.infer<typeof actorSchema>;

/** As it stands in the audit log and in every answer: `user:ada@example.com`, `source:web/fleet`. */
export function actorName(actor: Actor): string {
  switch (actor.kind) {
    case "user":
      return `user:${actor.user}`;
    case "ci":
      return `ci:${actor.issuer}#${actor.subject}`;
    case "token":
      return `token:${actor.project}/${actor.name}`;
    case "source":
      return `source:${actor.project}/${actor.name}`;
    case "hub":
      return `hub:${actor.part}`;
    default:
      return assertNever(actor);
  }
}

/** Written on every changed item: by whom, from where, why, in which request or commit. All texts are bounded at the edge. */
export const stampSchema = z.object({
  by: z.string().max(400),
  /** Address of the caller, as far as the hub can see it. */
  from: z.string().max(100).optional(),
  why: z.string().max(300).optional(),
  request: z.string().max(64).optional(),
  commit: z.string().max(64).optional(),
});
export type Stamp = z.infer<typeof stampSchema>;

export function hubStamp(part: string): Stamp {
  return { by: actorName({ kind: "hub", part }) };
}
