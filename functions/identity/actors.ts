/**
 * From the claims of a verified token to an actor. Claims are somebody else's text: bounded here, and what does not fit
 * is left out, which can only take rights away.
 */
import type { JWTPayload } from "jose";
import * as z from "zod";
import type { Actor } from "#core/actor.ts";
import { sentence } from "#core/text.ts";

const GROUPS_MAX = 200;
const CLAIMS_MAX = 60;
const VALUE_CHARS_MAX = 300;

type Claims = JWTPayload & { sub: string };

const mailSchema = z.object({
  email: z.string().min(3).max(VALUE_CHARS_MAX).includes("@"),
  email_verified: z.literal(true),
});
const groupsSchema = z.array(z.unknown());

export function personOf(issuer: string, claims: Claims, groupsClaim: string): Actor {
  const mail = mailSchema.safeParse(claims).data?.email;
  const groups = (groupsSchema.safeParse(claims[groupsClaim]).data ?? [])
    .filter((group) => typeof group === "string")
    .filter(isPlain)
    .slice(0, GROUPS_MAX);
  return { kind: "user", issuer, subject: claims.sub, user: mail ?? subjectName(claims.sub), groups };
}

/** A subject that looks like an address is not proved to be its owner's, and must not pass for it in a role. */
function subjectName(subject: string): string {
  const name = sentence(subject);
  return name.includes("@") ? `subject:${name}` : name;
}

export function jobOf(issuer: string, claims: Claims): Actor {
  const texts = Object.entries(claims)
    .filter((entry): entry is [string, string] => typeof entry[1] === "string")
    .filter(([name, value]) => isPlain(name) && isPlain(value))
    .slice(0, CLAIMS_MAX);
  return { kind: "ci", issuer, subject: sentence(claims.sub), claims: Object.fromEntries(texts) };
}

function isPlain(text: string): boolean {
  return text !== "" && text.length <= VALUE_CHARS_MAX && sentence(text, VALUE_CHARS_MAX) === text;
}
