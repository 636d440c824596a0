/** The development Git server: what it serves, what it refuses, and that it leaves nothing behind. */
import { access, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type GitServer, initBareRepository, startGitServer } from "../../../cli/dev/git-server.ts";
import { commitFiles, git } from "../../functions/source/git-fixture.ts";
import { shallowRequest } from "../../functions/source/pack-fixture.ts";

let root: string;
let bare: string;
let server: GitServer;
const pushed: string[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fairlead-server-"));
  pushed.length = 0;
  bare = await initBareRepository(join(root, "bare"), "fleet.git");
  server = await startGitServer({
    root: join(root, "bare"),
    onPush: (repository) => pushed.push(repository),
  });
});
afterEach(async () => {
  await server.stop();
  await rm(root, { recursive: true, force: true });
});

/** Sends a request target as it is; `fetch` would tidy `..` away. */
async function rawStatus(target: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(`GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1").split("\r\n", 1)[0] ?? "";
}

describe("startGitServer", () => {
  it("clones, takes a push, and calls back after it with the repository's name", async () => {
    const first = await commitFiles(bare, { a: "1" });
    await git(root, "clone", "--quiet", `${server.url}/fleet.git`, "work");
    const work = join(root, "work");
    expect(await git(work, "rev-parse", "HEAD")).toBe(first);
    expect(pushed).toEqual([]);
    await writeFile(join(work, "a"), "2");
    await git(work, "commit", "--all", "--quiet", "--message", "Change");
    await git(work, "push", "--quiet");
    expect(await git(bare, "rev-parse", "main")).toBe(await git(work, "rev-parse", "HEAD"));
    await vi.waitFor(() => expect(pushed).toEqual(["fleet.git"]));
  });

  it("takes a push larger than Git's buffer, which comes in chunks", async () => {
    await commitFiles(bare, { a: "1" });
    await git(root, "clone", "--quiet", `${server.url}/fleet.git`, "work");
    const work = join(root, "work");
    const noise = Array.from({ length: 300_000 }, (_, index) => Math.imul(index, 2_654_435_761).toString(36));
    await writeFile(join(work, "large"), noise.join(""));
    await git(work, "add", "large");
    await git(work, "commit", "--quiet", "--message", "Add a large file");
    await git(work, "-c", "http.postBuffer=65536", "push", "--quiet");
    expect(await git(bare, "rev-parse", "main")).toBe(await git(work, "rev-parse", "HEAD"));
  });

  it("unpacks a gzip'd request body", async () => {
    const commit = await commitFiles(bare, { a: "1" });
    const response = await fetch(`${server.url}/fleet.git/git-upload-pack`, {
      method: "POST",
      headers: { "content-type": "application/x-git-upload-pack-request", "content-encoding": "gzip" },
      body: gzipSync(shallowRequest(commit)),
    });
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).includes("PACK")).toBe(true);
  });

  it.each([
    "/../secret.git/info/refs?service=git-upload-pack",
    "/fleet.git/../../secret.git/info/refs?service=git-upload-pack",
    "/%2e%2e/secret.git/info/refs?service=git-upload-pack",
    "/fleet.git%2f..%2fsecret.git/info/refs?service=git-upload-pack",
    "//secret.git/info/refs?service=git-upload-pack",
    "/fleet.git/config",
    "/fleet.git/HEAD",
    "/fleet.git/info/refs",
    "/fleet.git/info/refs?service=git-shell",
    "/missing.git/info/refs?service=git-upload-pack",
  ])("answers 404 to %s", async (target) => {
    await mkdir(join(root, "secret"), { recursive: true });
    await commitFiles(await initBareRepository(root, "secret.git"), { a: "1" });
    expect(await rawStatus(target)).toContain("404");
  });

  it("lets in only with the credentials, when it has some", async () => {
    const credentials = { username: "ada", password: "pässword" };
    const closed = await startGitServer({ root: join(root, "bare"), credentials });
    try {
      const address = `${closed.url}/fleet.git/info/refs?service=git-upload-pack`;
      const refused = await fetch(address);
      expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="git"']);
      const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
      expect((await fetch(address, { headers: basic("ada:other") })).status).toBe(401);
      expect((await fetch(address, { headers: basic("ada:pässword") })).status).toBe(200);
    } finally {
      await closed.stop();
    }
  });

  it("says which port is taken", async () => {
    const port = Number(new URL(server.url).port);
    await expect(startGitServer({ root, port })).rejects.toThrow(String(port));
  });

  it("stops in the middle of an exchange and frees its port", async () => {
    const taken = Promise.withResolvers<void>();
    let pulls = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (pulls++ === 0) controller.enqueue(Buffer.from("00"));
        else taken.resolve();
      },
    });
    const headers = { "content-type": "application/x-git-receive-pack-request" };
    const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
    const ended = expect(fetch(`${server.url}/fleet.git/git-receive-pack`, init)).rejects.toThrow();
    await taken.promise;
    await server.stop();
    await ended;
    await expect(fetch(server.url)).rejects.toThrow();
    expect(pushed).toEqual([]);
  });
});

describe("initBareRepository", () => {
  it("leaves a repository that is there as it is", async () => {
    const commit = await commitFiles(bare, { a: "1" });
    expect(await initBareRepository(join(root, "bare"), "fleet.git")).toBe(bare);
    expect(await git(bare, "rev-parse", "main")).toBe(commit);
  });

  it("refuses a name that leads elsewhere", async () => {
    for (const name of ["../x.git", "a/b.git", ".git", "fleet", "-x.git"]) {
      await expect(initBareRepository(root, name)).rejects.toThrow("must look like fleet.git");
    }
    await expect(access(join(root, "..", "x.git"))).rejects.toThrow();
  });
});
