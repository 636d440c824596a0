import { describe, expect, it } from "vitest";
import { scrubbed } from "#core/scrub.ts";

describe("scrubbed", () => {
  it.each([
    ["password=hunter2 for user bob", "password=*** for user bob"],
    ['{"dbPassword": "hunter 2", "user": "bob"}', '{"dbPassword": ***, "user": "bob"}'],
    ["DB_SECRET: hunter2", "DB_SECRET: ***"],
    ["AWS_SECRET_ACCESS_KEY=abc/def", "AWS_SECRET_ACCESS_KEY=***"],
    ["connect postgres://bob:hunter2@db:5432/shop failed", "connect postgres://***@db:5432/shop failed"],
    ["got 401 with Bearer abcdef123456", "got 401 with Bearer ***"],
    ["token ghp_0123456789abcdefghij is bad", "token *** is bad"],
    ["jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln here", "jwt *** here"],
    ["key 0123456789abcdef0123456789abcdef", "key ***"],
  ])("strikes out what looks like a secret: %s", (text, clean) => {
    expect(scrubbed(text, [])).toBe(clean);
  });
  it.each([
    "cannot connect to db.shop.svc:5432: connection refused",
    "panic: runtime error: index out of range [3] with length 3",
    "at /usr/src/app/node_modules/express/lib/router/index.js:284:15",
    `image web@sha256:${"0a".repeat(32)} not found`,
  ])("leaves what people need to read: %s", (text) => {
    expect(scrubbed(text, [])).toBe(text);
  });
  it("strikes out known values, whole, by line, in base64 and in a URL", () => {
    const key = "first line of it\nsecond line of it";
    const values = ["abc", "abcdef", "p@ss w", key];
    expect(scrubbed("abcdef abc", values)).toBe("*** ***");
    expect(scrubbed("x second line of it y", values)).toBe("x *** y");
    expect(scrubbed(`${btoa("p@ss w")} p%40ss%20w`, values)).toBe("*** ***");
  });
});
