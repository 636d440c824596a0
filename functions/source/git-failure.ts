/**
 * What can go wrong between the hub and a Git server, as one closed list of codes.
 * Inside this folder a failure is thrown; the public functions turn it into a returned value.
 * A message must never carry a credential, nor unbounded text of a server.
 */
import { sentence } from "#core/text.ts";

export type GitFailureCode =
  /** The server knows no such repository (or hides it). */
  | "not-found"
  /** The repository is there, the branch, tag or commit is not. */
  | "ref-not-found"
  /** The server asks for credentials, or refuses those given. */
  | "auth"
  /** The commit lacks a signature that the Source demands. */
  | "signature"
  /** What `spec.credentials` names is missing, or is of a kind or for a host that does not fit. */
  | "credentials"
  /** The Project, or the guard of what leaves the hub, does not allow the address. */
  | "refused"
  /** No connection, or the server answers with an error of its own. */
  | "unreachable"
  | "timeout"
  /** A limit was passed; the message names it. */
  | "too-large"
  /** The address or reference is of a kind that is not spoken here. */
  | "unsupported"
  /** The answer is not Git's, is damaged, or holds names that Git forbids. */
  | "invalid";

export interface GitFailed {
  readonly kind: "failed";
  readonly code: GitFailureCode;
  /** One sentence for people: the place, the limit, the fix. At most 500 characters. */
  readonly message: string;
}

const MESSAGE_CHARS_MAX = 500;
const SERVER_TEXT_CHARS_MAX = 200;

export class GitFailure extends Error {
  override readonly name = "GitFailure";
  readonly code: GitFailureCode;

  constructor(code: GitFailureCode, message: string) {
    super(sentence(message, MESSAGE_CHARS_MAX));
    this.code = code;
  }
}

/** The returned form of anything thrown while speaking to a server or reading what it sent. */
export function failed(error: unknown, timeoutMs: number): GitFailed {
  if (error instanceof GitFailure) return { kind: "failed", code: error.code, message: error.message };
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === "TimeoutError" || name === "AbortError") {
    return {
      kind: "failed",
      code: "timeout",
      message: `The Git server took longer than ${timeoutMs} ms; raise timeoutMs or look at the server`,
    };
  }
  // All that is left was thrown while parsing the server's bytes: they, not the caller, are at fault.
  const detail = `${name}: ${sentence(message, SERVER_TEXT_CHARS_MAX)}`;
  return {
    kind: "failed",
    code: "invalid",
    message: `The repository's data cannot be read (${detail}); run git fsck on it`,
  };
}

/** A sentence for bytes or lines of a server, for use inside a message. */
export function quoteServer(text: string): string {
  return JSON.stringify(sentence(text, SERVER_TEXT_CHARS_MAX));
}
