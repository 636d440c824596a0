/**
 * The packet lines of `git-upload-pack`: the request for one commit without its history,
 * and the pack inside the answer. A server's error line becomes a failure, never silence.
 */
import { GitFailure, quoteServer } from "./git-failure.ts";

const BAND_PACK = 1;
const BAND_ERROR = 3;
const LENGTH_CHARS = 4;
/** Every Git server has these; naming them without asking first saves a request. */
const CAPABILITIES = "side-band-64k ofs-delta no-progress agent=fairlead";

/** Asks for `oid` at depth 1. Protocol version 0, because every server speaks it and one request is enough. */
export function shallowRequest(oid: string): Buffer {
  return Buffer.from(
    `${packet(`want ${oid} ${CAPABILITIES}\n`)}${packet("deepen 1\n")}0000${packet("done\n")}`,
  );
}

function packet(line: string): string {
  return (line.length + LENGTH_CHARS).toString(16).padStart(LENGTH_CHARS, "0") + line;
}

/** The pack of an answer, put together. Throws `ref-not-found` if the server does not give out the commit. */
export function packOf(answer: Buffer): Buffer {
  const parts: Buffer[] = [];
  let offset = 0;
  while (offset < answer.length) {
    const length = packetLength(answer, offset);
    const payload = answer.subarray(offset + LENGTH_CHARS, offset + length);
    if (payload[0] === BAND_PACK) parts.push(payload.subarray(1));
    else throwIfError(payload);
    // A length below 4 is a separator and has no payload.
    offset += Math.max(length, LENGTH_CHARS);
  }
  return Buffer.concat(parts);
}

function packetLength(answer: Buffer, offset: number): number {
  const digits = answer.toString("latin1", offset, offset + LENGTH_CHARS);
  const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
  if (offset + length <= answer.length) return length;
  throw new GitFailure(
    "invalid",
    "The answer is cut off or not Git's; check that the address is a repository's",
  );
}

function throwIfError(payload: Buffer): void {
  const isErrorBand = payload[0] === BAND_ERROR;
  if (!isErrorBand && payload.toString("latin1", 0, 4) !== "ERR ") return;
  const text = payload.toString("utf8", isErrorBand ? 1 : 4);
  if (text.includes("not our ref")) {
    throw new GitFailure(
      "ref-not-found",
      "The Git server has no such commit, or gives out only the tips of branches and tags",
    );
  }
  throw new GitFailure("invalid", `The Git server says ${quoteServer(text)}`);
}
