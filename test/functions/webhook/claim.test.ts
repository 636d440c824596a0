/** The proofs of webhooks, against examples that the providers publish, and against everything that is not one. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLAIM_SKEW_MS, claimOf } from "../../../functions/webhook/claim.ts";
import { generic, gitlabSigned, providers, SECRET, STANDARD_SECRET } from "./deliveries.ts";

const NOW = 1_800_000_000_000;
const claim = (headers: Record<string, string>, body: string, now = NOW) =>
  claimOf(new Headers(headers), Buffer.from(body), now);

describe("claimOf", () => {
  it("agrees with the examples in the documents of GitHub, Atlassian and Standard Webhooks", () => {
    const secret = "It's a Secret to Everybody";
    const ofGithub = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    expect(claim({ "x-hub-signature-256": `sha256=${ofGithub}` }, "Hello, World!")?.isProved(secret)).toBe(
      true,
    );
    const ofBitbucket = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    expect(claim({ "x-hub-signature": `sha256=${ofBitbucket}` }, "Hello World!")?.isProved(secret)).toBe(
      true,
    );
    const standard = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const body = '{"test": 2432232314}';
    const at = 1_614_265_330_000;
    expect(claim(standard, body, at)?.isProved(STANDARD_SECRET)).toBe(true);
    expect(claim(standard, body, at + CLAIM_SKEW_MS + 1000)?.isProved(STANDARD_SECRET)).toBe(false);
  });

  it.each(providers)("proves what %s sends, and nothing that is one byte different", (_, make, secret) => {
    const { headers, body } = make({ secret, ref: "refs/heads/main", at: NOW });
    expect(claim(headers, body)?.isProved(secret)).toBe(true);
    expect(claim(headers, body)?.isProved(`${secret.slice(0, -2)}xx`)).toBe(false);
    // A token in plain says nothing of the body.
    if (headers["x-gitlab-token"] !== undefined) return;
    expect(claim(headers, `${body} `)?.isProved(secret)).toBe(false);
    const isSignature = (name: string): boolean => name.includes("signature");
    for (const name of Object.keys(headers).filter(isSignature)) {
      const changed = {
        ...headers,
        [name]: (headers[name] ?? "").replace(
          /[0-9a-zA-Z](=*)$/,
          (last) => `${last[0] === "0" ? "1" : "0"}${last.slice(1)}`,
        ),
      };
      const found = claim(changed, body);
      const isDecisive = found?.isProved(secret) === false;
      // Some send a second signature for older receivers, which is not looked at.
      const spare = ["x-hub-signature", "x-hub-signature-256", "x-gogs-signature", "x-gitea-signature"];
      expect(isDecisive || spare.includes(name)).toBe(true);
    }
  });

  it.each([
    ["Standard Webhooks", gitlabSigned, STANDARD_SECRET],
    ["Fairlead-Signature", generic, SECRET],
  ])("holds the signed time of %s against the clock, both ways", (_, make, secret) => {
    for (const [off, fits] of [
      [CLAIM_SKEW_MS - 1000, true],
      [CLAIM_SKEW_MS + 1000, false],
    ] as const)
      for (const at of [NOW - off, NOW + off]) {
        const { headers, body } = make({ secret, ref: "refs/heads/main", at });
        expect(claim(headers, body)?.isProved(secret)).toBe(fits);
      }
  });

  it("gives copies of a delivery one name, whatever is changed in what is not signed", () => {
    for (const [, make, secret] of providers) {
      const push = { secret, ref: "refs/heads/main", at: NOW };
      const { headers, body } = make(push);
      const copy = {
        ...headers,
        "x-github-delivery": "other",
        "x-request-uuid": "other",
        "x-gitea-delivery": "other",
      };
      expect(claim(copy, body)?.delivery).toBe(claim(headers, body)?.delivery);
      const next = make({ ...push, at: NOW + 1000 });
      expect(claim(next.headers, next.body)?.delivery).not.toBe(claim(headers, body)?.delivery);
    }
  });

  it("takes no GitLab token where the secret is one to sign with", () => {
    expect(
      claim({ "x-gitlab-token": STANDARD_SECRET, "x-gitlab-event": "Push Hook" }, "{}")?.isProved(
        STANDARD_SECRET,
      ),
    ).toBe(false);
  });

  it("answers for any headers and body, and proves none", () => {
    const name = fc.constantFrom(
      ..."x-hub-signature-256 x-hub-signature x-gitea-signature x-forgejo-signature x-gitlab-token webhook-signature webhook-id webhook-timestamp fairlead-signature x-github-event x-event-key".split(
        " ",
      ),
    );
    const value = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."0123456789abcdefABv1=,t+/ ".split("")) }),
      fc.constantFrom("sha256=", "v1,", "t=1800000000,v1=", `t=1800000000,v1=${"0".repeat(64)}`),
      fc.nat({ max: 5000 }).map((length) => "a".repeat(length)),
    );
    fc.assert(
      fc.property(
        fc.dictionary(name, value),
        fc.uint8Array(),
        fc.constantFrom(SECRET, STANDARD_SECRET),
        (headers, body, secret) => {
          expect(claimOf(new Headers(headers), Buffer.from(body), NOW)?.isProved(secret) ?? false).toBe(
            false,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
