/** Packs byte by byte, also such as Git would never write. Format: gitformat-pack(5). */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

/** Seven bits a byte, the lowest first. */
export function number(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}

export function header(type: number, bytes: number): Buffer {
  const rest = Math.floor(bytes / 16);
  const first = Buffer.from([(type << 4) | (bytes % 16) | (rest > 0 ? 128 : 0)]);
  return rest > 0 ? Buffer.concat([first, number(rest)]) : first;
}

export function blob(content: Buffer, declaredBytes = content.length): Buffer {
  return Buffer.concat([header(3, declaredBytes), deflateSync(content)]);
}

export function deltaOf(baseBytes: number, resultBytes: number, instructions: Buffer): Buffer {
  return Buffer.concat([number(baseBytes), number(resultBytes), instructions]);
}

export function refDelta(baseOid: string, delta: Buffer): Buffer {
  return Buffer.concat([header(7, delta.length), Buffer.from(baseOid, "hex"), deflateSync(delta)]);
}

export function offsetDelta(distance: number, delta: Buffer): Buffer {
  const bytes = [distance % 128];
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest -= 1;
    bytes.unshift((rest % 128) | 128);
  }
  return Buffer.concat([header(6, delta.length), Buffer.from(bytes), deflateSync(delta)]);
}

export function pack(objects: readonly Buffer[], count = objects.length): Buffer {
  const head = Buffer.alloc(12);
  head.write("PACK");
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(count, 8);
  const body = Buffer.concat([head, ...objects]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

/** One packet line. */
export function packet(payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload as Buffer);
  return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, "0")), bytes]);
}

/** What a server answers with, for a pack that fits into one packet. */
export function answer(packed: Buffer): Buffer {
  return Buffer.concat([
    packet("NAK\n"),
    packet(Buffer.concat([Buffer.from([1]), packed])),
    Buffer.from("0000"),
  ]);
}

/** Asks `git-upload-pack` for one commit without its history. */
export function shallowRequest(oid: string): Buffer<ArrayBuffer> {
  const lines = [packet(`want ${oid} side-band-64k ofs-delta\n`), packet("deepen 1\n"), Buffer.from("0000")];
  return Buffer.concat([...lines, packet("done\n")]);
}
