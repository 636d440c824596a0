/** Packs made by Git and by hand: every form of object, and damage of every kind. */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyDelta } from "../../../functions/source/git-delta.ts";
import { GitFailure } from "../../../functions/source/git-failure.ts";
import { type PackLimits, unpack } from "../../../functions/source/git-pack.ts";
import { packOf } from "../../../functions/source/git-packet.ts";

const MIB = 1024 * 1024;
const limits: PackLimits = {
  objectsMax: 100,
  objectBytesMax: MIB,
  unpackedBytesMax: 8 * MIB,
  keptBytesMax: 4 * MIB,
  keptObjectBytesMax: MIB,
};
const signal = new AbortController().signal;

function number(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}

function header(type: number, bytes: number): Buffer {
  const rest = Math.floor(bytes / 16);
  const first = Buffer.from([(type << 4) | (bytes % 16) | (rest > 0 ? 128 : 0)]);
  return rest > 0 ? Buffer.concat([first, number(rest)]) : first;
}

function blob(content: Buffer, declaredBytes = content.length): Buffer {
  return Buffer.concat([header(3, declaredBytes), deflateSync(content)]);
}

function refDelta(baseOid: string, delta: Buffer): Buffer {
  return Buffer.concat([header(7, delta.length), Buffer.from(baseOid, "hex"), deflateSync(delta)]);
}

/** `distance` below 128, which is all that these tests need. */
function offsetDelta(distance: number, delta: Buffer): Buffer {
  return Buffer.concat([header(6, delta.length), Buffer.from([distance]), deflateSync(delta)]);
}

function pack(objects: readonly Buffer[], count = objects.length): Buffer {
  const head = Buffer.alloc(12);
  head.write("PACK");
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(count, 8);
  return Buffer.concat([head, ...objects, Buffer.alloc(20)]);
}

function oidOf(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

/** A delta that puts `text` before all of a base shorter than 64 KiB. */
function prepend(base: Buffer, text: string): Buffer {
  const insert = Buffer.from(text);
  const copy = Buffer.from([0b1011_0000, base.length & 255, base.length >> 8]);
  const sizes = Buffer.concat([number(base.length), number(base.length + insert.length)]);
  return Buffer.concat([sizes, Buffer.from([insert.length]), insert, copy]);
}

async function codeOf(bytes: Buffer, changed: Partial<PackLimits> = {}): Promise<string> {
  try {
    await unpack(bytes, { ...limits, ...changed }, signal);
    return "fine";
  } catch (error) {
    if (error instanceof GitFailure) return error.code;
    throw error;
  }
}

const base = Buffer.from("the base of all\n".repeat(5));

describe("unpack", () => {
  it("resolves deltas by offset and by id, also when the base comes last, and chains of them", async () => {
    const once = Buffer.concat([Buffer.from("1:"), base]);
    const twice = Buffer.concat([Buffer.from("2:"), once]);
    const waiting = [refDelta(oidOf(once), prepend(once, "2:")), refDelta(oidOf(base), prepend(base, "1:"))];
    const objects = await unpack(pack([...waiting, blob(base)]), limits, signal);
    for (const content of [base, once, twice]) expect(objects.get(oidOf(content))?.content).toEqual(content);

    const first = blob(base);
    const near = await unpack(pack([first, offsetDelta(first.length, prepend(base, "1:"))]), limits, signal);
    expect(near.get(oidOf(once))?.content).toEqual(once);
  });

  it("does not keep large blobs, and still resolves a delta against one", async () => {
    const once = Buffer.concat([Buffer.from("1:"), base]);
    const bytes = pack([blob(base), refDelta(oidOf(base), prepend(base, "1:"))]);
    const objects = await unpack(bytes, { ...limits, keptObjectBytesMax: 10 }, signal);
    expect(objects.get(oidOf(base))).toMatchObject({ bytes: base.length, content: undefined });
    expect(objects.get(oidOf(once))?.content).toEqual(once);
  });

  it("refuses a delta without its base", async () => {
    expect(await codeOf(pack([refDelta(oidOf(base), prepend(base, "x"))]))).toBe("invalid");
  });

  it("refuses a size that is not the content's, too small or too large", async () => {
    expect(await codeOf(pack([blob(base)]))).toBe("fine");
    expect(await codeOf(pack([blob(base, base.length - 1)]))).toBe("invalid");
    expect(await codeOf(pack([blob(base, base.length + 1)]))).toBe("invalid");
  });

  it("holds each limit: objects, size of one, work, memory", async () => {
    const bytes = pack([blob(base), blob(Buffer.from("other"))]);
    expect(await codeOf(bytes, { objectsMax: 1 })).toBe("too-large");
    expect(await codeOf(bytes, { objectBytesMax: base.length - 1 })).toBe("too-large");
    expect(await codeOf(bytes, { unpackedBytesMax: base.length + 4 })).toBe("too-large");
    expect(await codeOf(bytes, { keptBytesMax: base.length + 4 })).toBe("too-large");
    expect(await codeOf(bytes, { unpackedBytesMax: base.length + 5, keptBytesMax: base.length + 5 })).toBe(
      "fine",
    );
  });

  it("refuses deltas that double each other before memory is taken", async () => {
    const objects = [blob(base)];
    let content = base;
    for (let level = 0; level < 40; level += 1) {
      const bytes = content.length;
      const half = Buffer.from([0b1111_0000, bytes & 255, (bytes >> 8) & 255, (bytes >> 16) & 255]);
      const delta = Buffer.concat([number(bytes), number(bytes * 2), half, half]);
      objects.push(refDelta(oidOf(content), delta));
      if (bytes < MIB) content = Buffer.concat([content, content]);
    }
    expect(await codeOf(pack(objects))).toBe("too-large");
  });

  it("ends with the signal", async () => {
    const control = new AbortController();
    control.abort(new Error("enough"));
    await expect(unpack(pack([blob(base)]), limits, control.signal)).rejects.toThrow("enough");
  });

  it("refuses damage of any kind with a failure of its own, never another error", async () => {
    const once = Buffer.concat([Buffer.from("1:"), base]);
    const whole = pack([blob(base), refDelta(oidOf(base), prepend(base, "1:")), blob(once.subarray(3))]);
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      to: fc.nat(255),
      end: fc.integer({ min: 0, max: whole.length }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, to, end }) => {
        const bytes = Buffer.from(whole);
        bytes[at] = to;
        expect(["fine", "invalid", "too-large"]).toContain(await codeOf(bytes.subarray(0, end)));
      }),
      { numRuns: 500 },
    );
  });
});

describe("applyDelta", () => {
  it("copies a whole base when the size says 0, which means 65,536", () => {
    const large = Buffer.alloc(0x10000, "ab");
    const delta = Buffer.concat([number(large.length), number(large.length), Buffer.from([0b1000_0000])]);
    expect(applyDelta(large, delta)).toEqual(large);
  });

  it("refuses copies outside the base and results of another size", () => {
    const sizes = (result: number) => Buffer.concat([number(base.length), number(result)]);
    const outside = Buffer.concat([sizes(10), Buffer.from([0b1001_0001, base.length - 5, 10])]);
    const short = Buffer.concat([sizes(10), Buffer.from([0b1001_0000, 9])]);
    const long = Buffer.concat([sizes(10), Buffer.from([0b1001_0000, 11])]);
    for (const delta of [outside, short, long]) expect(() => applyDelta(base, delta)).toThrow(GitFailure);
  });
});

describe("packOf", () => {
  const line = (payload: Buffer | string): Buffer => {
    const bytes = Buffer.from(payload as string);
    return Buffer.concat([Buffer.from((bytes.length + 4).toString(16).padStart(4, "0")), bytes]);
  };

  it("puts the pack's band together and passes over progress and separators", () => {
    const answer = Buffer.concat([
      line("NAK\n"),
      line("\u0001PA"),
      line("\u0002working"),
      line("\u0001CK"),
      Buffer.from("0000"),
    ]);
    expect(packOf(answer).toString()).toBe("PACK");
  });

  it("tells a commit that is not given out from other errors of the server, cleaned", () => {
    expect(() => packOf(line("ERR upload-pack: not our ref 0123"))).toThrow(
      expect.objectContaining({ code: "ref-not-found" }),
    );
    expect(() => packOf(line("\u0003disk \u001b[31mfull"))).toThrow(
      expect.objectContaining({ code: "invalid" }),
    );
    expect(() => packOf(line("\u0003disk \u001b[31mfull"))).toThrow(/"disk \[31mfull"/);
  });

  it("refuses what is cut off or no packet line", () => {
    for (const bytes of ["00", "zzzz", "0100short", "<html>"]) {
      expect(() => packOf(Buffer.from(bytes))).toThrow(expect.objectContaining({ code: "invalid" }));
    }
  });
});
