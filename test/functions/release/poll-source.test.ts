/** One look at a Source: what it costs, what it may reach, with which credentials, and what is told when it fails. */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseResource } from "#core/resource.ts";
import { pollSource } from "../../../functions/release/poll-source.ts";
import { getSourceState, listSourceStates } from "../../../functions/store/state.ts";
import { commitFiles, git, gitFixture, type GitFixture } from "../source/git-fixture.ts";
import { listener, projectOf, sourceOf, sourceParts, type SourceParts } from "./source-fixture.ts";

let parts: SourceParts;
let open: GitFixture;
let bare: string;
let first: string;

beforeAll(async () => {
  parts = await sourceParts();
  open = await gitFixture();
  bare = await open.repository("fleet.git");
  first = await commitFiles(bare, { "a.yaml": "a: 1\n" });
});
afterAll(async () => {
  await open?.close();
  await parts?.stop();
});

const stateOf = (name: string, project = "default") => getSourceState(parts.db, project, name);

describe("pollSource", () => {
  it("reads a commit once, and nothing new costs no write", async () => {
    const source = await parts.apply(sourceOf(open.url("fleet.git"), {}, { name: "quiet" }));
    expect(await pollSource(parts, source)).toEqual({ kind: "read", commit: first });
    expect(await stateOf("quiet")).toMatchObject({ kind: "read", commit: first, ref: "refs/heads/main" });
    parts.writes();
    expect(await pollSource(parts, source)).toEqual({ kind: "unchanged" });
    expect(parts.writes()).toEqual([]);
  });

  it("asked for many times at once is one look", async () => {
    const counted = await listener((_request, response) => void response.writeHead(500).end());
    const source = await parts.apply(sourceOf(`${counted.url}/fleet.git`, {}, { name: "joined" }));
    const looks = await Promise.all([1, 2, 3, 4].map(() => pollSource(parts, source)));
    expect(new Set(looks).size).toBe(1);
    expect(counted.connections()).toBe(1);
    expect(await pollSource(parts, source)).not.toBe(looks[0]);
    counted.close();
  });

  it("follows a range of versions, and tells which tag it chose", async () => {
    await git(bare, "tag", "v1.0.0", first);
    const git0 = { git: { url: open.url("fleet.git"), ref: { semver: "^1" } } };
    const source = await parts.apply(sourceOf("", git0, { name: "ranged" }));
    expect(await pollSource(parts, source)).toEqual({ kind: "read", commit: first });
    await git(bare, "tag", "v1.0.1", first);
    expect(await pollSource(parts, source)).toEqual({ kind: "unchanged" });
    expect(await stateOf("ranged")).toMatchObject({ commit: first, ref: "refs/tags/v1.0.1" });
  });

  it("counts failures in a row, keeps what was read, and after them fetches nothing that it has", async () => {
    const source = await parts.apply(sourceOf(open.url("fleet.git"), {}, { name: "shaky" }));
    await pollSource(parts, source);
    const read = await stateOf("shaky");
    const away = await listener((_request, response) => void response.writeHead(503).end());
    const moved = await parts.apply(sourceOf(`${away.url}/fleet.git`, {}, { name: "shaky" }));
    for (const attempts of [1, 2, 3]) {
      expect(await pollSource(parts, moved)).toMatchObject({ kind: "failed" });
      expect(await stateOf("shaky")).toMatchObject({
        kind: "failed",
        code: "unreachable",
        attempts,
        last: read,
      });
    }
    away.close();
    const paths: string[] = [];
    const outbound = {
      to: (hosts: readonly string[]) => (url: string, init: RequestInit) => (
        paths.push(`${init.method} ${new URL(url).pathname}`),
        parts.outbound.to(hosts)(url, init)
      ),
    };
    expect(await pollSource({ ...parts, outbound }, source)).toEqual({ kind: "unchanged" });
    expect(paths).toEqual(["GET /fleet.git/info/refs", "POST /fleet.git/git-upload-pack"]);
    expect(await stateOf("shaky")).toMatchObject({ kind: "read", commit: first });
  });

  it("reads again when the Source asks for something else, though the commit is the same", async () => {
    const name = { name: "edited" };
    await pollSource(parts, await parts.apply(sourceOf(open.url("fleet.git"), {}, name)));
    const before = await stateOf("edited");
    await git(bare, "branch", "--force", "next", first);
    const git1 = { git: { url: open.url("fleet.git"), ref: { branch: "next" } } };
    expect(await pollSource(parts, await parts.apply(sourceOf("", git1, name)))).toEqual({
      kind: "unchanged",
    });
    expect(await stateOf("edited")).toMatchObject({ commit: first, ref: "refs/heads/next" });
    expect(await stateOf("edited")).not.toEqual(before);
  });

  it("that was broken off writes nothing", async () => {
    const silent = await listener(() => undefined);
    const source = await parts.apply(sourceOf(`${silent.url}/fleet.git`, {}, { name: "stopped" }));
    parts.writes();
    const look = pollSource(parts, source, AbortSignal.timeout(100));
    expect(await look).toMatchObject({ kind: "failed" });
    expect(parts.writes()).toEqual([]);
    expect(await stateOf("stopped")).toBeUndefined();
    silent.close();
  });
});

describe("where a Source may lead", () => {
  it.each([
    ["http://169.254.169.254/latest/meta-data", "a link-local address"],
    ["http://[fd00:ec2::254]/latest", "metadata"],
    ["http://2852039166/latest", "a link-local address"],
    ["https://10.1.2.3/fleet.git", "spec.egress of the Project"],
    ["http://localhost:PORT/fleet.git", "its own machine, which only a local hub does"],
    ["http://127.0.0.1:PORT/fleet.git", "its own machine, which only a local hub does"],
    ["http://[::ffff:127.0.0.1]:PORT/fleet.git", "its own machine, which only a local hub does"],
  ])("is not %s: a clear error, and no request leaves", async (address, words) => {
    const inner = await listener();
    const url = address.replace("PORT", String(inner.port));
    const source = await parts.apply(sourceOf(url, {}, { name: "inward" }));
    expect(await pollSource(parts.guarded, source)).toMatchObject({
      kind: "failed",
      message: expect.stringContaining(words),
    });
    expect(await stateOf("inward")).toMatchObject({ kind: "failed", code: "refused" });
    expect(inner.connections()).toBe(0);
    inner.close();
  });

  it("is not where a server redirects to", async () => {
    const inner = await listener();
    const outer = await listener((_request, response) => {
      response.writeHead(302, { location: `http://169.254.169.254:${inner.port}/fleet.git/info/refs` }).end();
    });
    const source = await parts.apply(sourceOf(`${outer.url}/fleet.git`, {}, { name: "led" }));
    expect(await pollSource(parts, source)).toMatchObject({
      kind: "failed",
      message: expect.stringContaining("redirects to 169.254.169.254"),
    });
    expect(inner.connections()).toBe(0);
    outer.close();
    inner.close();
  });

  it("is not outside what its Project allows, and another Project's egress opens nothing", async () => {
    const inner = await listener();
    const sources = ["https://git.example.com/acme/*"];
    const strict = projectOf("strict", { sources, egress: ["10.1.2.3"] });
    const source = await parts.apply(strict, sourceOf(`${inner.url}/fleet.git`, {}, { project: "strict" }));
    expect(await pollSource(parts, source)).toMatchObject({
      kind: "failed",
      message: expect.stringContaining("is not among spec.sources of Project strict"),
    });
    expect(inner.connections()).toBe(0);
    inner.close();
    const near = await parts.apply(
      sourceOf("http://10.1.2.3/fleet.git", {}, { name: "near", project: "other" }),
    );
    expect(await pollSource(parts.guarded, near)).toMatchObject({
      message: expect.stringContaining("private"),
    });
  });

  it.each(["https://ada:hunter2@git.example.com/fleet.git", "https://hunter2@git.example.com/fleet.git"])(
    "is not an address with credentials: refused when it is applied, and not repeated",
    (url) => {
      const document = { apiVersion: "fairlead.dev/v1", ...sourceOf(url) };
      const parsed = parseResource("document 1", document);
      expect(parsed).toMatchObject({
        kind: "refused",
        message: expect.stringContaining("must hold no credentials"),
      });
      expect(JSON.stringify(parsed)).not.toContain("hunter2");
    },
  );

  it("is not spoken to by SSH: the error says what to use instead", () => {
    for (const url of ["ssh://git@git.example.com/fleet.git", "git@git.example.com:acme/fleet.git"])
      expect(parseResource("document 1", { apiVersion: "fairlead.dev/v1", ...sourceOf(url) })).toMatchObject({
        kind: "refused",
        message: expect.stringContaining("SSH is not spoken here, use https"),
      });
  });
});

describe("credentials", () => {
  const password = "hunter2-hunter2";
  let locked: GitFixture;
  let tokened: GitFixture;
  const source = (fixture: GitFixture, name: string, credentials = name) =>
    parts.apply(sourceOf(fixture.url("fleet.git"), { credentials }, { name }));

  beforeAll(async () => {
    locked = await gitFixture({ credentials: { username: "ada", password } });
    tokened = await gitFixture({ credentials: { username: "x-access-token", password } });
    for (const fixture of [locked, tokened])
      await commitFiles(await fixture.repository("fleet.git"), { "a.yaml": "a: 1\n" });
  });
  afterAll(async () => {
    await locked?.close();
    await tokened?.close();
  });

  it("open a repository as user and password, and as a token", async () => {
    await parts.credential("default", "basic", { kind: "basic", username: "ada", password });
    await parts.credential("default", "token", { kind: "token", token: password, hosts: ["127.0.0.1"] });
    expect(await pollSource(parts, await source(locked, "basic"))).toMatchObject({ kind: "read" });
    expect(await pollSource(parts, await source(tokened, "token"))).toMatchObject({ kind: "read" });
  });

  it("of a GitHub App open one with an installation's token, and a refused token is not kept", async () => {
    let valid = "not-the-password";
    let made = 0;
    const api = await listener((request, response) => {
      made += 1;
      expect(request.url).toBe("/app/installations/7/access_tokens");
      const expires = new Date(parts.now() + 3_600_000).toISOString();
      response.writeHead(201).end(JSON.stringify({ token: valid, expires_at: expires }));
    });
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const app = {
      kind: "github-app",
      appId: "1",
      installationId: "7",
      privateKey: pem,
      apiUrl: api.url,
    } as const;
    await parts.credential("default", "app", app);
    const asked = await source(tokened, "app");
    expect(await pollSource(parts, asked)).toMatchObject({ kind: "failed" });
    expect(await stateOf("app")).toMatchObject({ code: "auth" });
    valid = password;
    expect(await pollSource(parts, asked)).toMatchObject({ kind: "read" });
    expect(await pollSource(parts, asked)).toMatchObject({ kind: "unchanged" });
    expect(made).toBe(2);
    api.close();
  });

  it.each([
    ["missing", undefined, "is not there"],
    ["hook", { kind: "webhook", secret: "0123456789abcdef" }, "signs webhooks and opens no repository"],
    [
      "elsewhere",
      { kind: "token", token: password, hosts: ["git.example.com"] },
      "is for git.example.com alone",
    ],
    [
      "other-app",
      {
        kind: "github-app",
        appId: "1",
        installationId: "7",
        privateKey: "x",
        apiUrl: "https://api.github.com",
      },
      "is for github.com alone",
    ],
    ["broken", { kind: "odd" }, "is not readable"],
  ])("that do not fit are told on the Source, without a request: %s", async (name, credential, words) => {
    const inner = await listener();
    if (credential !== undefined) await parts.credential("default", name, credential as never);
    const asked = await parts.apply(sourceOf(`${inner.url}/fleet.git`, { credentials: name }, { name }));
    expect(await pollSource(parts, asked)).toMatchObject({
      kind: "failed",
      message: expect.stringMatching(
        new RegExp(`^The credential ${name} of Project default ${words}.*; store what is meant`),
      ),
    });
    expect(await stateOf(name)).toMatchObject({ code: "credentials" });
    expect(inner.connections()).toBe(0);
    inner.close();
  });

  it("of another Project are out of reach, and wrong ones are told as such", async () => {
    await parts.credential("other", "mine", { kind: "basic", username: "ada", password });
    expect(await pollSource(parts, await source(locked, "mine"))).toMatchObject({
      message: expect.stringContaining("mine of Project default is not there"),
    });
    await parts.credential("default", "wrong", { kind: "basic", username: "ada", password: "wrong-secret" });
    expect(await pollSource(parts, await source(locked, "wrong"))).toMatchObject({
      message: expect.stringContaining("refuses the credentials"),
    });
  });

  it("stand in no state and no message", async () => {
    const told = JSON.stringify([...(await listSourceStates(parts.db, "default"))]);
    expect(told.length).toBeGreaterThan(1000);
    for (const secret of [password, "wrong-secret", "PRIVATE KEY", "0123456789abcdef"])
      expect(told).not.toContain(secret);
  });
});
