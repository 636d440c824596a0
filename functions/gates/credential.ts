/** What a gate names in the secret store: a token or password for the host that it is meant for, or the key of a webhook, which is never sent. */
import { credentialSchema, type Credential } from "#core/credential.ts";
import { hostOf } from "../outbound/address.ts";
import { GateTrouble, jsonOf, type Question } from "./ask.ts";

/** `Authorization` for this address. Throws `GateTrouble`. */
export async function authorizationFor(question: Question, name: string, url: string): Promise<string> {
  const credential = await credentialOf(question, name);
  if (credential.kind !== "token" && credential.kind !== "basic")
    throw faulty(question, name, `is of kind ${credential.kind}: take a token or a password`);
  const host = hostOf(new URL(url).hostname);
  const { hosts } = credential;
  if (hosts !== undefined && !hosts.some((one) => hostOf(one) === host))
    throw faulty(question, name, `is for ${hosts.join(", ")} alone, and is not sent to ${host}`);
  if (credential.kind === "token") return `Bearer ${credential.token}`;
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString("base64")}`;
}

const STANDARD_PREFIX = "whsec_";

/** The bytes that sign: of a key as libraries for Standard Webhooks write it, else of the text as it is. */
export async function signingKey(question: Question, name: string): Promise<Buffer> {
  const credential = await credentialOf(question, name);
  if (credential.kind !== "webhook")
    throw faulty(question, name, `is of kind ${credential.kind}: take one that signs (--webhook)`);
  const { secret } = credential;
  return secret.startsWith(STANDARD_PREFIX)
    ? Buffer.from(secret.slice(STANDARD_PREFIX.length), "base64")
    : Buffer.from(secret);
}

async function credentialOf(question: Question, name: string): Promise<Credential> {
  const text = await question.secrets.get(question.rollout.project, name);
  if (text === undefined) throw faulty(question, name, "is not there");
  const parsed = credentialSchema.safeParse(jsonOf(text));
  if (!parsed.success) throw faulty(question, name, "is not readable");
  return parsed.data;
}

function faulty({ rollout }: Question, name: string, what: string): GateTrouble {
  return new GateTrouble(
    `the credential ${name} ${what}; store what is meant (fairlead credentials set ${name} --project ${rollout.project})`,
  );
}
