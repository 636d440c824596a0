/** Packs made by hand: every form of object, each limit, lies and damage of every kind. */
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GitFailure } from "../../../functions/source/git-failure.ts";
import { checkPack } from "../../../functions/source/git-pack-check.ts";
import { blob, deltaOf, header, number, offsetDelta, pack, refDelta } from "./pack-fixture.ts";

const MIB = 1024 * 1024;
const limits = {
  objectsMax: 100,
  objectBytesMax: MIB,
  unpackedBytesMax: 8 * MIB,
  unknownBaseBytesMax: 16 * MIB,
  deltaInstructionsMax: 1000,
};
const noTurn = (): Promise<void> => Promise.resolve();
const base = Buffer.from("the base of all\n".repeat(5));
const copyBase = Buffer.from([0b1001_0000, base.length]);
const oid = createHash("sha1").update(`blob ${base.length}\0`).update(base).digest("hex");

async function codeOf(bytes: Buffer, changed: Partial<typeof limits> = {}): Promise<string> {
  try {
    await checkPack(bytes, noTurn, { ...limits, ...changed });
    return "fine";
  } catch (error) {
    if (error instanceof GitFailure) return error.code;
    throw error;
  }
}

describe("checkPack", () => {
  it("lets whole objects and deltas by offset and id through, and a pack of nothing", async () => {
    const first = blob(base);
    const delta = deltaOf(base.length, base.length, copyBase);
    expect(await codeOf(pack([first, offsetDelta(first.length, delta), refDelta(oid, delta)]))).toBe("fine");
    expect(await codeOf(pack([]))).toBe("fine");
  });

  it("refuses a size that is not the content's, too small or too large", async () => {
    expect(await codeOf(pack([blob(base, base.length - 1)]))).toBe("invalid");
    expect(await codeOf(pack([blob(base, base.length + 1)]))).toBe("invalid");
  });

  it("spends no memory on a bomb, whether its size is told or not", async () => {
    const zeros = Buffer.alloc(32 * MIB);
    const before = process.memoryUsage().arrayBuffers;
    expect(await codeOf(pack([blob(zeros)]))).toBe("too-large");
    expect(await codeOf(pack([blob(zeros, 100)]))).toBe("invalid");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MIB);
  });

  it("holds each limit to the byte: objects, size of one, sum of all", async () => {
    const bytes = pack([blob(base), blob(Buffer.from("other"))]);
    expect(await codeOf(bytes, { objectsMax: 1 })).toBe("too-large");
    expect(await codeOf(bytes, { objectBytesMax: base.length - 1 })).toBe("too-large");
    expect(await codeOf(bytes, { unpackedBytesMax: base.length + 4 })).toBe("too-large");
    const exact = { objectsMax: 2, objectBytesMax: base.length, unpackedBytesMax: base.length + 5 };
    expect(await codeOf(bytes, exact)).toBe("fine");
  });

  it("counts what a delta says it reads and makes, so that deltas cannot double each other", async () => {
    const first = blob(base);
    const objects = [first];
    let distance = first.length;
    for (let level = 0, bytes = base.length; level < 40; level += 1, bytes *= 2) {
      const next = offsetDelta(distance, deltaOf(bytes, bytes * 2, Buffer.from([1, 120])));
      objects.push(next);
      distance = next.length;
    }
    expect(await codeOf(pack(objects.slice(0, 5)))).toBe("fine");
    expect(await codeOf(pack(objects))).toBe("too-large");
  });

  it("refuses a delta whose base by offset is itself, no object, outside, or of another size", async () => {
    const first = blob(base);
    const delta = deltaOf(base.length, base.length, copyBase);
    for (const distance of [0, first.length - 1, first.length + 12, 2 ** 31, 2 ** 32]) {
      expect(await codeOf(pack([first, offsetDelta(distance, delta)])), `${distance}`).toBe("invalid");
    }
    const lie = deltaOf(base.length + 1, base.length, copyBase);
    expect(await codeOf(pack([first, offsetDelta(first.length, lie)]))).toBe("invalid");
  });

  it("counts a delta by id as reading the largest object, because its base is not known", async () => {
    const large = blob(Buffer.alloc(MIB));
    const deltas = Array.from({ length: 17 }, () => refDelta(oid, deltaOf(1, 1, Buffer.from([1, 120]))));
    expect(await codeOf(pack([large, ...deltas.slice(1)]))).toBe("fine");
    expect(await codeOf(pack([large, ...deltas]))).toBe("too-large");
  });

  it("bounds the instructions of a delta, which are one byte each at the least", async () => {
    const first = blob(base);
    const delta = (count: number) => deltaOf(base.length, base.length, Buffer.alloc(count, 128));
    expect(await codeOf(pack([first, offsetDelta(first.length, delta(1000))]))).toBe("fine");
    expect(await codeOf(pack([first, offsetDelta(first.length, delta(1001))]))).toBe("too-large");
  });

  it("refuses sizes past 32 bits, and numbers that never end", async () => {
    const huge = Buffer.concat([Buffer.from([0b1011_0000]), number(2 ** 40), deflateSync(base)]);
    const endless = Buffer.concat([Buffer.from([0b1011_0000]), Buffer.alloc(500, 128), Buffer.from([0])]);
    expect(await codeOf(pack([huge]))).toBe("too-large");
    expect(await codeOf(pack([endless, deflateSync(base)], 1))).toBe("too-large");
  });

  it("refuses types that Git does not have, a wrong count, and bytes that belong to nothing", async () => {
    for (const type of [0, 5]) {
      expect(await codeOf(pack([Buffer.concat([header(type, 5), deflateSync("other")])]))).toBe("invalid");
    }
    expect(await codeOf(pack([blob(base)], 2))).toBe("invalid");
    expect(await codeOf(pack([blob(base), blob(base)], 1))).toBe("invalid");
    expect(await codeOf(pack([blob(base), Buffer.from("hidden")], 1))).toBe("invalid");
  });

  it("asks for its turn before each object, and ends with what that throws", async () => {
    let turns = 0;
    const turn = async (): Promise<void> => {
      turns += 1;
      if (turns === 2) throw new Error("enough");
    };
    await expect(checkPack(pack([blob(base), blob(base), blob(base)]), turn, limits)).rejects.toThrow(
      "enough",
    );
    expect(turns).toBe(2);
  });

  it("refuses every pack that is cut off", async () => {
    const first = blob(base);
    const whole = pack([first, offsetDelta(first.length, deltaOf(base.length, base.length, copyBase))]);
    for (let end = 0; end < whole.length; end += 1) {
      expect(await codeOf(whole.subarray(0, end)), `${end} bytes`).toBe("invalid");
    }
  });

  it("refuses damage of any kind with a failure of its own, never another error", async () => {
    const first = blob(base);
    const delta = deltaOf(base.length, base.length, copyBase);
    const whole = pack([first, offsetDelta(first.length, delta), refDelta(oid, delta)]);
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, bytes }) => {
        const changed = Buffer.from(whole);
        changed.set(bytes.subarray(0, whole.length - at), at);
        expect(["fine", "invalid", "too-large"]).toContain(await codeOf(changed));
      }),
      { numRuns: 500 },
    );
  });
});
