/**
 * Reads the head of a CGI program's output: header lines, an empty line, then the body.
 * What follows the head stays in the stream; only the bytes already taken are handed back.
 */
import { once } from "node:events";
import { type Readable } from "node:stream";

export interface CgiHead {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** The beginning of the body. */
  readonly rest: Buffer;
}

const HEAD_BYTES_MAX = 64 * 1024;

/** Rejects when the program ends, or writes more than 64 KiB, before the empty line. */
export async function readCgiHead(output: Readable): Promise<CgiHead> {
  let taken = Buffer.alloc(0);
  while (taken.length <= HEAD_BYTES_MAX) {
    const chunk = output.read() as Buffer | null;
    if (chunk === null) {
      if (output.readableEnded || output.destroyed) break;
      await Promise.race([once(output, "readable"), once(output, "end"), once(output, "close")]);
      continue;
    }
    taken = Buffer.concat([taken, chunk]);
    const end = taken.indexOf("\r\n\r\n");
    if (end >= 0) return parseHead(taken.toString("latin1", 0, end), taken.subarray(end + 4));
  }
  throw new Error(`The CGI program gave no header block within ${HEAD_BYTES_MAX} bytes`);
}

function parseHead(head: string, rest: Buffer): CgiHead {
  const headers: Record<string, string> = {};
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const { status = "200", ...others } = headers;
  return { status: Number.parseInt(status, 10), headers: others, rest };
}
