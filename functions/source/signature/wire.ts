/** Reads the length-prefixed fields of SSH's wire format (RFC 4251 §5). Every length is bounded before it is believed. */

export class WireError extends Error {
  override readonly name = "WireError";
}

/** No field of a key or signature that is read here is longer (RSA with 16,384 bits). */
const FIELD_BYTES_MAX = 2100;

export class Wire {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (length > FIELD_BYTES_MAX || end > this.#bytes.length)
      throw new WireError("a field is longer than what is there");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  uint8(): number {
    return this.take(1).readUInt8();
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  bytes(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.bytes().toString("latin1");
  }

  /** A whole number above zero, without its leading zeros. */
  positive(): Buffer {
    const bytes = this.bytes();
    const start = bytes.findIndex((byte) => byte !== 0);
    if (start === -1 || bytes.readUInt8() > 0x7f) throw new WireError("a number is not above zero");
    return bytes.subarray(start);
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new WireError("something stands behind the last field");
  }
}

/** A field as it is written: its length, then its bytes. */
export function field(bytes: Uint8Array | string): Buffer {
  const content = Buffer.from(bytes as Uint8Array);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}
