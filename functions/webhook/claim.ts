/**
 * Who a webhook says it is from, and the proof of it: plain over headers, body, secret and time. Whatever is compared is compared
 * in constant time, over the bytes as they came. It never throws.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export type Provider = "github" | "gitlab" | "bitbucket" | "gitea" | "generic";

/** A webhook that says who it is from; nothing of it is proved yet. */
export interface Claim {
  readonly provider: Provider;
  /** What the provider calls the event; "" where it calls it nothing. */
  readonly event: string;
  /** The same for each copy of one delivery, whatever else is changed: made of what the proof covers. */
  readonly delivery: string;
  isProved(secret: string): boolean;
}

/** How far a signed time may be from ours. */
export const CLAIM_SKEW_MS = 5 * 60_000;
const HEADER_CHARS_MAX = 2000;
const SIGNATURES_MAX = 10;
const STANDARD_SECRET = "whsec_";

/** Undefined where no header of a provider that is known here carries a proof. */
export function claimOf(headers: Headers, body: Buffer, now: number): Claim | undefined {
  const read = (name: string): string => {
    const value = headers.get(name) ?? "";
    return value.length <= HEADER_CHARS_MAX ? value : "";
  };
  // Gitea and Forgejo send GitHub's headers as well, so they are asked for first.
  return (
    gitea(read, body) ??
    github(read, body) ??
    gitlab(read, body, now) ??
    bitbucket(read, body) ??
    generic(read, body, now)
  );
}

type Read = (name: string) => string;

function gitea(read: Read, body: Buffer): Claim | undefined {
  const signature = read("x-forgejo-signature") || read("x-gitea-signature");
  if (signature === "") return undefined;
  return bodySigned("gitea", read("x-forgejo-event") || read("x-gitea-event"), signature, body);
}

function github(read: Read, body: Buffer): Claim | undefined {
  const signature = prefixed(read("x-hub-signature-256"));
  return signature === undefined ? undefined : bodySigned("github", read("x-github-event"), signature, body);
}

/** Bitbucket Cloud and Data Center. */
function bitbucket(read: Read, body: Buffer): Claim | undefined {
  const signature = prefixed(read("x-hub-signature"));
  return signature === undefined ? undefined : bodySigned("bitbucket", read("x-event-key"), signature, body);
}

function prefixed(header: string): string | undefined {
  return header.startsWith("sha256=") ? header.slice("sha256=".length) : undefined;
}

/**
 * The provider's own delivery id is not signed, so a copy could carry another: the body, which is, tells deliveries apart. It names
 * the commits of before and after, so two pushes differ.
 */
function bodySigned(provider: Provider, event: string, signature: string, body: Buffer): Claim {
  return {
    provider,
    event,
    delivery: digest(body),
    isProved: (secret) => areEqual(signature.toLowerCase(), hmac(secret, "hex", body)),
  };
}

/** Signed as Standard Webhooks ask (a `whsec_` secret), or with the token of older versions in plain. */
function gitlab(read: Read, body: Buffer, now: number): Claim | undefined {
  const [signed, token, event] = [read("webhook-signature"), read("x-gitlab-token"), read("x-gitlab-event")];
  if (signed === "" && token === "") return undefined;
  const [id, time] = [read("webhook-id"), read("webhook-timestamp")];
  const plainId = read("x-gitlab-event-uuid") || read("idempotency-key");
  return {
    provider: "gitlab",
    event,
    delivery: signed === "" ? digest(plainId, "\n", body) : digest(id),
    isProved: (secret) => {
      if (!secret.startsWith(STANDARD_SECRET)) return areEqual(token, secret);
      const key = Buffer.from(secret.slice(STANDARD_SECRET.length), "base64");
      const expected = `v1,${hmac(key, "base64", `${id}.${time}.`, body)}`;
      const given = signed.split(" ", SIGNATURES_MAX);
      return id !== "" && isRecent(time, now) && given.filter((one) => areEqual(one, expected)).length > 0;
    },
  };
}

/** `Fairlead-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA256 of `<seconds>.<body>`. */
function generic(read: Read, body: Buffer, now: number): Claim | undefined {
  const [, time = "", signature] =
    /^t=(\d{1,12}), ?v1=([0-9a-fA-F]{64})$/.exec(read("fairlead-signature")) ?? [];
  if (signature === undefined) return undefined;
  return {
    provider: "generic",
    event: "",
    delivery: digest(time, ".", body),
    isProved: (secret) =>
      isRecent(time, now) && areEqual(signature.toLowerCase(), hmac(secret, "hex", `${time}.`, body)),
  };
}

function isRecent(seconds: string, now: number): boolean {
  return /^\d{1,12}$/.test(seconds) && Math.abs(Number(seconds) * 1000 - now) <= CLAIM_SKEW_MS;
}

function hmac(key: string | Buffer, encoding: "hex" | "base64", ...parts: (string | Buffer)[]): string {
  const made = createHmac("sha256", key);
  for (const part of parts) made.update(part);
  return made.digest(encoding);
}

function digest(...parts: (string | Buffer)[]): string {
  const made = createHash("sha256");
  for (const part of parts) made.update(part);
  return made.digest("hex");
}

/** Digests have one length, so that a wrong length tells no more than a wrong letter. */
function areEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(digest(a), "hex"), Buffer.from(digest(b), "hex"));
}
