/** Which region of a hub writes: what keeps the others from it, and what a charter that moves it must say. */
import { describe, expect, it } from "vitest";
import { charterFault, charterSchema, kidOf, signerFault, type Charter } from "#core/charter.ts";
import { writerFault } from "#core/region.ts";

const key = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
const held: Charter = {
  hub: "h",
  serial: 100,
  epoch: 3,
  signers: [{ kid: kidOf(key), key }],
  urls: ["https://a.example.com"],
  region: "east",
};

describe("writerFault", () => {
  it("keeps every region but the writer, and none where the charter names none", () => {
    expect([writerFault("west", undefined), writerFault("west", "west")]).toEqual([undefined, undefined]);
    expect(writerFault("west", "east")).toContain("region east writes");
  });
});

describe("charterFault", () => {
  // What would break: two regions that each open "the next" epoch would both be obeyed.
  it("lets another region write only in the epoch that is the charter's serial", () => {
    expect(charterFault(held, { ...held, serial: 200, epoch: 4, region: "west" }, undefined)).toContain(
      "its epoch has to be its serial, 200",
    );
    expect(
      charterFault(held, { ...held, serial: 200, epoch: 200, region: "west" }, undefined),
    ).toBeUndefined();
  });

  it("keeps the writer in every other charter, and lets the first one be named at any time", () => {
    const { region: _, ...unnamed } = held;
    expect(charterFault(held, { ...unnamed, serial: 200 }, undefined)).toContain("it names no region");
    expect(charterFault(held, { ...held, serial: 200, epoch: 4 }, undefined)).toBeUndefined();
    expect(charterFault(unnamed, { ...held, serial: 200 }, undefined)).toBeUndefined();
  });
});

describe("signerFault", () => {
  // What would break: a region takes over, signs with its own key, and every agent refuses every statement.
  it("keeps a region from signing with a key that the charter does not name, and says how to name it", () => {
    expect(signerFault(held, kidOf(key))).toBeUndefined();
    expect(signerFault(held, "another")).toContain("fairlead hub rotate-signing-key");
  });
});

describe("a region's name", () => {
  it("is short and plain, for it stands in charters and in sentences", () => {
    const named = (region: string): boolean => charterSchema.safeParse({ ...held, region }).success;
    expect(["eu-west-1", "", "EU", "-x", "a".repeat(41)].map(named)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
