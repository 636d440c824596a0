/** What a proved webhook tells: which refs moved, whether it is a trial, and whether a Source follows any of them. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claimOf } from "../../../functions/webhook/claim.ts";
import { concerns, toldBy } from "../../../functions/webhook/push.ts";
import { genericEmpty, github, gitlabToken, providers, SECRET, type Delivery } from "./deliveries.ts";

const NOW = 1_800_000_000_000;
const push = { secret: SECRET, ref: "refs/heads/main", at: NOW };

function told({ headers, body }: Delivery) {
  const claim = claimOf(new Headers(headers), Buffer.from(body), NOW);
  if (claim === undefined) throw new Error("no claim");
  return toldBy(claim, headers["content-type"] ?? "", Buffer.from(body));
}

describe("toldBy", () => {
  it.each(providers)("reads the pushed ref of %s, of a branch and of a tag", (_, make) => {
    for (const ref of ["refs/heads/feature/größe", "refs/tags/v1.2.3"])
      expect(told(make({ ...push, ref }))).toEqual({ kind: "push", refs: [ref] });
  });

  it("tells a trial from a push, and both from all else", () => {
    expect(told(github(push, "ping"))).toEqual({ kind: "ping" });
    expect(told(github(push, "issues"))).toEqual({ kind: "other" });
    const { headers, body } = gitlabToken(push);
    expect(told({ body, headers: { ...headers, "x-gitlab-event": "Pipeline Hook" } })).toEqual({
      kind: "other",
    });
    expect(told({ body, headers: { ...headers, "x-gitlab-event": "System Hook" } })).toEqual({
      kind: "push",
      refs: ["refs/heads/main"],
    });
    const other = JSON.stringify({ event_name: "user_create" });
    expect(told({ body: other, headers: { ...headers, "x-gitlab-event": "System Hook" } })).toEqual({
      kind: "other",
    });
    const bitbucket = { "x-hub-signature": "sha256=0", "x-event-key": "diagnostics:ping" };
    expect(told({ body: '{"test":true}', headers: bitbucket })).toEqual({ kind: "ping" });
  });

  it("counts as any ref what it cannot understand", () => {
    expect(told(genericEmpty(push))).toEqual({ kind: "push", refs: undefined });
    const { headers } = github(push);
    const bodies = [
      "",
      "{",
      "[]",
      "null",
      '{"ref":7}',
      '{"changes":[{}]}',
      `{"ref":"${"a".repeat(2000)}"}`,
      "[".repeat(100_000),
    ];
    for (const body of bodies) expect(told({ headers, body })).toEqual({ kind: "push", refs: undefined });
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom("application/json", "application/x-www-form-urlencoded"),
        (body, type) => {
          expect(told({ headers: { ...headers, "content-type": type }, body }).kind).toBe("push");
        },
      ),
    );
  });

  it("names a deleted branch, which is a move too", () => {
    const changes = [
      { new: null, old: { type: "branch", name: "gone" } },
      { new: { type: "tag", name: "v2" }, old: null },
    ];
    const headers = { "x-hub-signature": "sha256=0", "x-event-key": "repo:push" };
    expect(told({ headers, body: JSON.stringify({ push: { changes } }) })).toEqual({
      kind: "push",
      refs: ["refs/heads/gone", "refs/tags/v2"],
    });
  });
});

describe("concerns", () => {
  it.each([
    [["refs/heads/main"], { branch: "main" }, true],
    [["refs/heads/main-2"], { branch: "main" }, false],
    [["refs/tags/main"], { branch: "main" }, false],
    [["main"], { branch: "main" }, true],
    [["refs/heads/a", "refs/heads/main"], { branch: "main" }, true],
    [undefined, { branch: "main" }, true],
    [["refs/tags/v1"], { tag: "v1" }, true],
    [["refs/tags/v2"], { tag: "v1" }, false],
    [["refs/tags/v2"], { semver: "^1" }, true],
    [["refs/heads/v2"], { semver: "^1" }, false],
    [["refs/heads/x"], { commit: "0".repeat(40) }, true],
  ])("of %j for a Source that follows %j is %s", (refs, ref, is) => {
    expect(concerns(refs, ref)).toBe(is);
  });
});
