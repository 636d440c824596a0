/** Which signatures a Source demands, and when what was read counts no more. */
import { describe, expect, it } from "vitest";
import { API_VERSION } from "#core/metadata.ts";
import { pollDueAt } from "#core/poll.ts";
import { projectSchema, type Project, type Signer } from "#core/project.ts";
import { demanded, isVerified } from "#core/signers.ts";
import { askedOf, sourceSchema, type ReadSource, type Source, type SourceState } from "#core/source.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== ops";
const OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB== ops";
const project = (...signers: Signer[]): Project =>
  projectSchema.parse({
    apiVersion: API_VERSION,
    kind: "Project",
    metadata: { name: "web" },
    spec: { signers },
  });
const source = (signers?: string[]): Source =>
  sourceSchema.parse({
    apiVersion: API_VERSION,
    kind: "Source",
    metadata: { name: "fleet", project: "web" },
    spec: {
      git: { url: "https://git.example.com/fleet.git" },
      ...(signers === undefined ? {} : { verify: { signatures: "required", signers } }),
    },
  });
const read: ReadSource = {
  kind: "read",
  commit: "c",
  author: "Ada",
  email: "a@example.com",
  message: "m",
  committedAt: 1,
  tree: "t",
  at: 1000,
};
const ops: Signer = { name: "ops", ssh: KEY };

describe("demanded", () => {
  it("is nothing without a policy, and says which names the Project lacks", () => {
    expect(demanded(source(), undefined)).toEqual({ kind: "nothing" });
    expect(demanded(source(["ops", "qa"]), project(ops))).toMatchObject({
      kind: "unknown",
      message: expect.stringContaining("names qa; Project web has ops: put the public key into spec.signers"),
    });
    expect(demanded(source(["ops"]), undefined)).toMatchObject({
      kind: "unknown",
      message: expect.stringContaining("Project web has no signers"),
    });
  });

  it("changes with a name and with a key of a named signer, and with no other signer's", () => {
    const digestOf = (...signers: Signer[]) => {
      const rules = demanded(source(["ops"]), project(...signers));
      if (rules.kind !== "signature") throw new Error(rules.kind);
      return rules.digest;
    };
    const digest = digestOf(ops);
    expect(digestOf(ops, { name: "qa", ssh: OTHER })).toBe(digest);
    expect(digestOf({ name: "ops", ssh: OTHER })).not.toBe(digest);
  });
});

describe("isVerified", () => {
  it("holds what was read under the same rules alone", () => {
    const rules = demanded(source(["ops"]), project(ops));
    const digest = rules.kind === "signature" ? rules.digest : "";
    expect(isVerified(read, { kind: "nothing" })).toBe(true);
    expect(isVerified(read, rules)).toBe(false);
    expect(isVerified({ ...read, verified: digest }, rules)).toBe(true);
    expect(isVerified({ ...read, verified: digest }, demanded(source(["ops"]), project()))).toBe(false);
  });
});

describe("pollDueAt", () => {
  const rules = demanded(source(["ops"]), project(ops));
  const watched = {
    source: source(["ops"]),
    looked: undefined,
    nudge: undefined,
    credentialAt: undefined,
    rules,
  };
  const failed: SourceState = {
    kind: "failed",
    code: "signature",
    message: "not signed",
    at: 1_000_000,
    attempts: 10,
    asked: askedOf(source(["ops"]), rules),
  };

  it("is at once when other signatures are demanded than those that were asked for", () => {
    const state = { ...read, asked: askedOf(source(["ops"])) };
    expect(pollDueAt({ ...watched, state, looked: { at: 1_000_000, nudge: undefined } })).toBe(0);
    const mended = demanded(source(["ops"]), project({ name: "ops", ssh: OTHER }));
    expect(pollDueAt({ ...watched, state: failed, rules: mended })).toBe(0);
  });

  it("does not put off the next commit because one was refused", () => {
    const refused: SourceState = { ...failed, refused: "c" };
    expect(pollDueAt({ ...watched, state: refused })).toBeLessThanOrEqual(1_000_000 + 60_000);
    expect(pollDueAt({ ...watched, state: failed })).toBeGreaterThan(1_000_000 + 60_000);
  });
});
