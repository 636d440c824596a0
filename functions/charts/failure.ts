/**
 * What can go wrong between the hub and a place where charts are, as one closed list of codes. Inside this folder a
 * failure is thrown; `look.ts` writes it down for the App. A message is one sentence (place, limit, fix) and never carries
 * a credential, nor unbounded text of a server.
 */
import { sentence } from "#core/text.ts";

export type ChartFailureCode =
  /** No connection, or no answer in time. */
  | "unreachable"
  /** The server answers with an error, or leads to where it is not followed. */
  | "server"
  /** The server asks for credentials, or refuses those given. */
  | "auth"
  /** What `spec.chart.credentials` names is missing, or does not fit. */
  | "credentials"
  /** The guard of what leaves the hub does not allow the address. */
  | "refused"
  | "no-chart"
  | "no-version"
  /** Another archive than the one that is named, listed or pinned. */
  | "digest"
  /** It lacks a signature that the App demands. */
  | "signature"
  /** A limit was passed; the message names it. */
  | "too-large"
  /** The answer is not what such a server sends, or the archive is no chart. */
  | "invalid";

const MESSAGE_CHARS_MAX = 600;
const SERVER_TEXT_CHARS_MAX = 120;

export class ChartFailure extends Error {
  override readonly name = "ChartFailure";
  readonly code: ChartFailureCode;

  constructor(code: ChartFailureCode, message: string) {
    super(sentence(message, MESSAGE_CHARS_MAX));
    this.code = code;
  }
}

/** Text of a server or an archive, for use inside a message. */
export function quote(text: string): string {
  return JSON.stringify(sentence(text, SERVER_TEXT_CHARS_MAX));
}
