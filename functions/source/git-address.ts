/**
 * Checks what a person wrote before anything is sent: the repository's address and the reference.
 * Only http(s) is spoken. No secret may stand in an address, because addresses are stored and shown.
 */
import { type GitRef } from "#core/source.ts";
import { GitFailure } from "./git-failure.ts";
import { checkRange } from "./semver-tag.ts";

/** Sent as HTTP Basic; a bare token goes with a user name that the usual hosts accept. */
export type GitCredentials =
  | { readonly username: string; readonly password: string }
  | { readonly token: string };

/** A reference as the server knows it: a full name such as `refs/heads/main`, one exact commit, or a range of versions. */
export interface WantedRef {
  readonly kind: "name" | "commit" | "range";
  readonly name: string;
}

const URL_CHARS_MAX = 2048;
const REF_CHARS_MAX = 250;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Whether a secret may be sent there: encrypted, or without leaving this machine. */
export function keepsSecrets({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || LOOPBACK.test(hostname);
}

/** Characters and sequences that `git check-ref-format` forbids; a newline would also forge a protocol line. */
const REF_FORBIDDEN = /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|^[-/.]|\/\.|\.lock(\/|$)|[/.]$/u;

/** The address without a slash at its end. Throws `unsupported` for what is not spoken; the message never repeats the address. */
export function checkAddress(url: string, credentials: GitCredentials | undefined): string {
  if (/^ssh:/i.test(url) || /^[^/:]+@[^/]+:/.test(url)) {
    throw new GitFailure(
      "unsupported",
      "SSH is not spoken here; use https with a token or a GitHub App (fairlead credentials set)",
    );
  }
  const parsed = url.length <= URL_CHARS_MAX ? URL.parse(url) : null;
  if (parsed === null || !["https:", "http:"].includes(parsed.protocol)) {
    throw new GitFailure(
      "unsupported",
      `The repository's address must be an https URL of at most ${URL_CHARS_MAX} characters`,
    );
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new GitFailure(
      "unsupported",
      "The repository's address carries credentials; take them out and name a secret in spec.credentials",
    );
  }
  if (parsed.search !== "" || parsed.hash !== "") {
    throw new GitFailure(
      "unsupported",
      "The repository's address has a query or fragment; give the plain clone address",
    );
  }
  if (credentials !== undefined && !keepsSecrets(parsed)) {
    throw new GitFailure("unsupported", "Credentials are not sent over plain http; use https");
  }
  return parsed.href.replace(/\/+$/, "");
}

/** What to ask the server for. Throws `unsupported` for a malformed name or an abbreviated commit. */
export function wantedRef(ref: GitRef): WantedRef {
  if ("branch" in ref) return { kind: "name", name: `refs/heads/${checkName("branch", ref.branch)}` };
  if ("tag" in ref) return { kind: "name", name: `refs/tags/${checkName("tag", ref.tag)}` };
  if ("semver" in ref) return { kind: "range", name: checkRange(ref.semver) };
  if (!/^[0-9a-f]{40}$/.test(ref.commit)) {
    throw new GitFailure("unsupported", "A commit must be given in full: 40 characters 0-9 and a-f");
  }
  return { kind: "commit", name: ref.commit };
}

function checkName(kind: string, name: string): string {
  if (name !== "" && name.length <= REF_CHARS_MAX && !REF_FORBIDDEN.test(name)) return name;
  throw new GitFailure(
    "unsupported",
    `The ${kind} is not a name that Git allows (at most ${REF_CHARS_MAX} characters, see git check-ref-format)`,
  );
}
