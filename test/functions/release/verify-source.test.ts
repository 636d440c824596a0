/**
 * The signature policy from the repository to the release: what is not signed by whom the Source demands never becomes state, what was
 * read before becomes no release, and what runs keeps running.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_VERSION } from "#core/metadata.ts";
import { parseResource } from "#core/resource.ts";
import type { Source, SourceState } from "#core/source.ts";
import { hubStamp } from "#core/actor.ts";
import { look } from "../../../functions/release/look.ts";
import { pollSource } from "../../../functions/release/poll-source.ts";
import { getResource, putResource } from "../../../functions/store/resource.ts";
import { getSourceState } from "../../../functions/store/state.ts";
import { app, cluster, configMaps, hubParts, type HubParts } from "../../support/hub-parts.ts";
import { commitFiles, gitFixture, type GitFixture } from "../source/git-fixture.ts";
import { signing, type GpgKey, type Signing, type SshKey } from "../source/signature/signing-fixture.ts";

let hub: HubParts;
let git: GitFixture;
let kit: Signing;
let ops: SshKey;
let release: GpgKey;
let count = 0;

beforeAll(async () => {
  [hub, git, kit] = await Promise.all([hubParts(), gitFixture(), signing()]);
  hub.setNow(Date.now());
  ops = await kit.sshKey("ed25519");
  release = await kit.gpgKey("ed25519");
}, 900_000);
afterAll(async () => {
  await hub?.stop();
  await git?.close();
  await kit?.close();
});

/** A repository with one commit that nobody signed, and what stands over it. */
async function repository() {
  const name = `fleet-${(count += 1)}`;
  const bare = await git.repository(`${name}.git`);
  const first = await commitFiles(bare, configMaps("one"));
  const set = async (ref: object, signers: string[] | undefined): Promise<void> => {
    const verify = signers === undefined ? {} : { verify: { signatures: "required", signers } };
    await hub.apply({
      kind: "Source",
      metadata: { name },
      spec: { git: { url: git.url(`${name}.git`), ref }, ...verify },
    });
  };
  const poll = async (): Promise<SourceState | undefined> => {
    const stored = await getResource(hub.db, "Source", "default", name);
    await pollSource(hub, stored?.resource as Source);
    return getSourceState(hub.db, "default", name);
  };
  /** On top of main, by a key or nobody. */
  const commit = async (key: GpgKey | SshKey | undefined): Promise<string> => {
    const sign = key === undefined ? [] : ["-S"];
    const tree = await kit.git(bare, undefined, "rev-parse", "main^{tree}");
    const made = await kit.git(
      bare,
      key,
      "commit-tree",
      ...sign,
      "-p",
      "main",
      "-m",
      "Change\n\nWith a body.",
      tree,
    );
    await kit.git(bare, undefined, "update-ref", "refs/heads/main", made);
    return made;
  };
  return { name, bare, first, set, poll, commit };
}

async function signers(...list: { name: string; ssh?: string; gpg?: string }[]): Promise<void> {
  const parsed = parseResource("document", {
    apiVersion: API_VERSION,
    kind: "Project",
    metadata: { name: "default" },
    spec: { signers: list },
  });
  if (parsed.kind === "refused") throw new Error(parsed.message);
  await putResource(hub.db, parsed.resource, hubStamp("test"));
}
const both = async () =>
  signers({ name: "ops", ssh: ops.line }, { name: "release", gpg: await release.armored() });

describe("a Source that demands signatures", () => {
  it("refuses the unsigned and the wrongly signed with a sentence, and keeps what was read", async () => {
    await both();
    const { set, poll, commit } = await repository();
    await set({ branch: "main" }, ["ops", "release"]);
    expect(await poll()).toMatchObject({
      kind: "failed",
      code: "signature",
      message: expect.stringMatching(/is not signed; the Source demands a signature of ops, release$/),
    });
    const [, fingerprint] = (await kit.sshKeygen(["-l", "-f", ops.file])).split(" ");
    const bySsh = await commit(ops);
    expect(await poll()).toMatchObject({
      kind: "read",
      commit: bySsh,
      signer: "ops",
      signedWith: fingerprint,
    });
    const byGpg = await commit(release);
    expect(await poll()).toMatchObject({
      kind: "read",
      commit: byGpg,
      signer: "release",
      signedWith: release.fingerprint,
    });
    await commit(await kit.sshKey("ed25519"));
    expect(await poll()).toMatchObject({
      kind: "failed",
      code: "signature",
      message: expect.stringContaining("belongs to none of the demanded signers (ops, release)"),
      last: { commit: byGpg, signer: "release" },
    });
  });

  it("fetches a refused commit once, and takes it as soon as its signer counts", async () => {
    await both();
    const { set, poll, commit } = await repository();
    await set({ branch: "main" }, ["release"]);
    const made = await commit(ops);
    const refused = await poll();
    expect(refused).toMatchObject({ kind: "failed", code: "signature", refused: made });
    hub.units();
    expect(await poll()).toEqual(refused);
    expect(Object.keys(hub.units()).sort()).toEqual(["get"]);
    await set({ branch: "main" }, ["release", "ops"]);
    expect(await poll()).toMatchObject({ kind: "read", commit: made, signer: "ops" });
  });

  it("says so when the Project lacks a signer that it names", async () => {
    await both();
    const { name, set, poll } = await repository();
    await set({ branch: "main" }, ["ops", "security"]);
    expect(await poll()).toMatchObject({
      kind: "failed",
      code: "signature",
      message: `spec.verify.signers of Source ${name} names security; Project default has ops, release: put the public key into spec.signers of the Project`,
    });
  });

  it("of a tag takes the tag's signature, follows a range of versions, and refuses a tag under another name", async () => {
    await both();
    const { bare, first, set, poll } = await repository();
    await kit.git(bare, release, "tag", "-s", "-m", "One", "v1.0.0", "main");
    await set({ tag: "v1.0.0" }, ["release"]);
    expect(await poll()).toMatchObject({ kind: "read", commit: first, signer: "release" });
    await set({ semver: "^1" }, ["release"]);
    expect(await poll()).toMatchObject({
      kind: "read",
      commit: first,
      signer: "release",
      ref: "refs/tags/v1.0.0",
    });
    const object = await kit.git(bare, undefined, "rev-parse", "v1.0.0");
    await kit.git(bare, undefined, "update-ref", "refs/tags/v1.1.0", object);
    expect(await poll()).toMatchObject({
      kind: "failed",
      code: "signature",
      message: expect.stringContaining('was made for the name "v1.0.0" and stands at v1.1.0'),
    });
    await kit.git(bare, ops, "tag", "-s", "-m", "Two", "v1.2.0", "main");
    expect(await poll()).toMatchObject({
      kind: "failed",
      message: expect.stringContaining("belongs to none"),
    });
    await kit.git(bare, release, "tag", "-f", "-s", "-m", "Two", "v1.2.0", "main");
    expect(await poll()).toMatchObject({ kind: "read", ref: "refs/tags/v1.2.0", signer: "release" });
  });

  it("looks again at what was read before it demanded any, and when a signer counts no more", async () => {
    await both();
    const { set, poll, commit } = await repository();
    await set({ branch: "main" }, undefined);
    const signed = await commit(ops);
    const free = await poll();
    expect(free).toMatchObject({ kind: "read", commit: signed });
    expect(free).not.toHaveProperty("signer");
    await set({ branch: "main" }, ["ops", "release"]);
    const verified = await poll();
    expect(verified).toMatchObject({ kind: "read", commit: signed, signer: "ops" });
    expect(await poll()).toEqual(verified);
    const other = await kit.sshKey("ed25519");
    await signers({ name: "ops", ssh: other.line }, { name: "release", gpg: await release.armored() });
    expect(await poll()).toMatchObject({ kind: "failed", code: "signature", last: { commit: signed } });
  });

  it("makes no release of what was read before and is not verified: a new cluster waits for a signed commit", async () => {
    await both();
    const { name, set, poll, commit } = await repository();
    await set({ branch: "main" }, undefined);
    await hub.apply(app({ source: name }), cluster("a"));
    await poll();
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "released", release: 1 });
    await set({ branch: "main" }, ["ops"]);
    await hub.apply(cluster("b"));
    const waits = {
      kind: "failed",
      error: { message: expect.stringContaining(`Source ${name} demands a signature`) },
    };
    expect(await look(hub, "default", "shop")).toMatchObject(waits);
    await poll();
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "nothing" });
    await commit(ops);
    await poll();
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "released", release: 2 });
  });
});
