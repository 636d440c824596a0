/** What every secret store promises (`functions/secrets/port.ts`): bit by bit, per project, and names that lead nowhere else. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { SECRET_BYTES_MAX } from "../../functions/secrets/check.ts";
import type { SecretStore } from "../../functions/secrets/port.ts";

const FORBIDDEN = ["", "..", ".", "a/b", "../other/git", "A", "a b", "+aside-1", "a".repeat(64), "ä", "a\0b"];

export interface SecretsUnderTest {
  store: SecretStore;
  /** The same content through another client or handle. */
  reopened: SecretStore;
  close(): Promise<void>;
}

/** Registers the suite inside the caller's `describe`. */
export function secretsConformance(make: () => Promise<SecretsUnderTest>): void {
  let under: SecretsUnderTest;
  beforeAll(async () => {
    under = await make();
  });
  afterAll(() => under?.close());

  it("gives back what was put, also through another handle, and the newest of two", async () => {
    const value = '{"kind":"token","token":"ä\\n\\u0000 \\"quoted\\" {{ssm:x}} ~1~0"}';
    await under.store.put("web", "git", value);
    expect(await under.store.get("web", "git")).toBe(value);
    await under.store.put("web", "git", "newer");
    expect(await under.reopened.get("web", "git")).toBe("newer");
  });

  it("knows no secret of another project, nor one that was never put", async () => {
    await under.store.put("one", "mine", "of one");
    expect(await under.store.get("two", "mine")).toBeUndefined();
    expect(await under.store.get("one", "other")).toBeUndefined();
  });

  it("forgets what is deleted, and deletes what is not there as well", async () => {
    await under.store.put("web", "gone", "x");
    await under.store.delete("web", "gone");
    await under.store.delete("web", "gone");
    expect(await under.reopened.get("web", "gone")).toBeUndefined();
    await under.store.put("web", "gone", "again");
    expect(await under.store.get("web", "gone")).toBe("again");
  });

  it("of writers at once keeps one value whole", async () => {
    const values = Array.from({ length: 8 }, (_, n) => String(n).repeat(2000));
    await Promise.all(values.map((value) => under.store.put("web", "raced", value)));
    expect(values).toContain(await under.store.get("web", "raced"));
  });

  it("takes up to its limit and refuses what is above it or empty, without telling the value", async () => {
    await under.store.put("web", "large", "x".repeat(SECRET_BYTES_MAX));
    expect(await under.store.get("web", "large")).toHaveLength(SECRET_BYTES_MAX);
    for (const value of ["y".repeat(SECRET_BYTES_MAX + 1), "ä".repeat(SECRET_BYTES_MAX / 2 + 1), ""]) {
      const error = await under.store.put("web", "large", value).then(() => undefined, String);
      expect(error).toContain(`1 to ${SECRET_BYTES_MAX} bytes`);
      expect(error).not.toContain("yyy");
    }
    expect(await under.store.get("web", "large")).toBe("x".repeat(SECRET_BYTES_MAX));
  });

  it.each(FORBIDDEN)("takes no name that could lead elsewhere: %j", async (name) => {
    for (const [project, secret] of [
      [name, "git"],
      ["web", name],
    ] as const) {
      await expect(under.store.put(project, secret, "x")).rejects.toThrow("is no name");
      await expect(under.store.get(project, secret)).rejects.toThrow("is no name");
      await expect(under.store.delete(project, secret)).rejects.toThrow("is no name");
    }
  });
}
