/** Counting wrong proofs, by a clock of the test. */
import { describe, expect, it } from "vitest";
import { countFailures, WRONG_PROOFS_MAX } from "../../../functions/identity/failures.ts";

function counted() {
  let now = 0;
  const failures = countFailures(() => now);
  return { failures, at: (ms: number) => void (now = ms) };
}
const fill = (
  failures: ReturnType<typeof countFailures>,
  address: string,
  count = WRONG_PROOFS_MAX,
): void => {
  for (let n = 0; n < count; n += 1) failures.add(address, `wrong-${n}`);
};

describe("countFailures", () => {
  it("stops an address at the limit, and hears it again when the minute is over", () => {
    const { failures, at } = counted();
    fill(failures, "192.0.2.1", WRONG_PROOFS_MAX - 1);
    expect(failures.waitMs("192.0.2.1")).toBe(0);
    at(10_000);
    failures.add("192.0.2.1", "another");
    expect(failures.waitMs("192.0.2.1")).toBe(50_000);
    expect(failures.waitMs("192.0.2.2")).toBe(0);
    at(60_000);
    expect(failures.waitMs("192.0.2.1")).toBe(0);
  });

  it("counts the same wrong proof once: one old token locks nobody else out", () => {
    const { failures } = counted();
    for (let n = 0; n < 10 * WRONG_PROOFS_MAX; n += 1) failures.add("192.0.2.1", "old");
    expect(failures.waitMs("192.0.2.1")).toBe(0);
  });

  it("takes a network of IPv6, and IPv4 in IPv6, for one address", () => {
    const { failures } = counted();
    fill(failures, "2001:db8:1:2::1");
    expect(failures.waitMs("2001:db8:1:2:ffff::9")).toBeGreaterThan(0);
    expect(failures.waitMs("2001:db8:1:3::1")).toBe(0);
    fill(failures, "::ffff:192.0.2.7");
    expect(failures.waitMs("192.0.2.7")).toBeGreaterThan(0);
  });

  it("forgets the oldest addresses first, so its memory is bounded", () => {
    const { failures } = counted();
    fill(failures, "192.0.2.1");
    for (let n = 0; n < 1999; n += 1) failures.add(`10.0.${n >> 8}.${n & 255}`, "wrong");
    expect(failures.waitMs("192.0.2.1")).toBeGreaterThan(0);
    failures.add("10.1.0.0", "wrong");
    expect(failures.waitMs("192.0.2.1")).toBe(0);
  });
});
