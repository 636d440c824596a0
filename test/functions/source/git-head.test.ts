/** remoteHead against real repositories behind real HTTP, and its refusals. */
import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import { type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OutboundFetch } from "../../../functions/outbound/port.ts";
import { remoteHead } from "../../../functions/source/git.ts";
import { commitFiles, git, type GitFixture, gitFixture } from "./git-fixture.ts";

const NOWHERE = "0123456789012345678901234567890123456789";

/** A server that is not Git's. */
async function withServer<T>(listener: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/fleet.git`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe("remoteHead", () => {
  let fixture: GitFixture;
  let bare: string;
  let url: string;
  let first: string;
  let second: string;

  beforeAll(async () => {
    fixture = await gitFixture();
    bare = await fixture.repository("fleet.git");
    url = fixture.url("fleet.git");
    first = await commitFiles(bare, { "a.yaml": "a: 1\n" });
    await git(bare, "tag", "v1", first);
    await git(bare, "tag", "-a", "-m", "The second", "v1.1", first);
    await git(bare, "branch", "release-2", first);
    second = await commitFiles(bare, { "a.yaml": "a: 2\n" });
  });
  afterAll(() => fixture.close());

  it("tells where a branch stands", async () => {
    expect(await remoteHead({ http: fetch, url, ref: { branch: "main" } })).toEqual({
      kind: "head",
      commit: second,
      refName: "refs/heads/main",
    });
  });

  it("tells the commit of a light tag, and peels an annotated one", async () => {
    expect(await remoteHead({ http: fetch, url, ref: { tag: "v1" } })).toMatchObject({
      commit: first,
      refName: "refs/tags/v1",
    });
    expect(await git(bare, "rev-parse", "refs/tags/v1.1")).not.toBe(first);
    expect(await remoteHead({ http: fetch, url, ref: { tag: "v1.1" } })).toMatchObject({ commit: first });
  });

  it("answers a commit reference with the commit, once the repository is proved readable", async () => {
    expect(await remoteHead({ http: fetch, url, ref: { commit: first } })).toMatchObject({
      kind: "head",
      commit: first,
    });
    const gone = fixture.url("gone.git");
    expect(await remoteHead({ http: fetch, url: gone, ref: { commit: first } })).toMatchObject({
      code: "not-found",
    });
  });

  it("tells a missing branch from a missing repository, and does not take a longer name for it", async () => {
    expect(await remoteHead({ http: fetch, url, ref: { branch: "release" } })).toMatchObject({
      code: "ref-not-found",
    });
    expect(
      await remoteHead({ http: fetch, url: fixture.url("gone.git"), ref: { branch: "main" } }),
    ).toMatchObject({
      code: "not-found",
    });
  });

  it("finds no branch in an empty repository", async () => {
    await fixture.repository("empty.git");
    const result = await remoteHead({ http: fetch, url: fixture.url("empty.git"), ref: { branch: "main" } });
    expect(result).toMatchObject({ code: "ref-not-found" });
  });

  it("costs one exchange (two requests), with credentials as well", async () => {
    const methods: string[] = [];
    const http: OutboundFetch = (target, init) => {
      methods.push(init.method ?? "GET");
      return fetch(target, init);
    };
    const credentials = { token: "not-asked-for" };
    expect(await remoteHead({ url, ref: { branch: "main" }, credentials, http })).toMatchObject({
      kind: "head",
    });
    expect(methods).toEqual(["GET", "POST"]);
  });

  it("says unreachable when nothing listens", async () => {
    const closed = await withServer(
      () => undefined,
      async (address) => address,
    );
    const result = await remoteHead({ http: fetch, url: closed, ref: { branch: "main" } });
    expect(result).toMatchObject({ code: "unreachable", message: expect.stringContaining("ECONNREFUSED") });
  });

  it("gives up after timeoutMs, whether the server is silent or stops in the middle", async () => {
    const silent: RequestListener = () => undefined;
    const halting: RequestListener = (_request, response) =>
      void response.writeHead(200).write("001e# service");
    for (const listener of [silent, halting]) {
      const result = await withServer(listener, (address) =>
        remoteHead({ http: fetch, url: address, ref: { branch: "main" }, timeoutMs: 200 }),
      );
      expect(result).toMatchObject({ code: "timeout", message: expect.stringContaining("200 ms") });
    }
  });

  it("refuses an answer that is a web page, and one that never ends", async () => {
    const page: RequestListener = (_request, response) => void response.end("<html>Sign in</html>");
    expect(
      await withServer(page, (address) => remoteHead({ http: fetch, url: address, ref: { branch: "main" } })),
    ).toMatchObject({
      code: "invalid",
    });
    const endless: RequestListener = (_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024, "0");
      const more = (): void => {
        while (response.write(chunk));
        response.once("drain", more);
      };
      more();
    };
    const result = await withServer(endless, (address) =>
      remoteHead({ http: fetch, url: address, ref: { branch: "main" } }),
    );
    expect(result).toMatchObject({ code: "too-large", message: expect.stringContaining("16777216") });
  });

  it("follows a redirect within the host and none to another", async () => {
    const renamed: RequestListener = (request, response) => {
      const target = `${fixture.server.url}${(request.url ?? "").replace("/old.git", "/fleet.git")}`;
      response.writeHead(301, { location: target }).end();
    };
    const elsewhere = await withServer(renamed, (address) =>
      remoteHead({ http: fetch, url: address, ref: { branch: "main" } }),
    );
    expect(elsewhere).toMatchObject({ code: "unsupported", message: expect.stringContaining("redirects") });

    const http: OutboundFetch = async (target, init) => {
      if (!target.includes("/old.git")) return fetch(target, init);
      return new Response(null, {
        status: 301,
        headers: { location: target.replace("/old.git", "/fleet.git") },
      });
    };
    const same = await remoteHead({ url: fixture.url("old.git"), ref: { branch: "main" }, http });
    expect(same).toMatchObject({ kind: "head", commit: second });
  });

  it.each([
    ["ssh://git@git.example.com/fleet.git", "SSH is not spoken here; use https"],
    ["git@git.example.com:acme/fleet.git", "SSH is not spoken here; use https"],
    ["file:///srv/fleet.git", "https"],
    ["https://ada:hunter2@git.example.com/fleet.git", "carries credentials"],
    ["https://git.example.com/fleet.git?token=hunter2", "query"],
  ])("refuses the address %s without repeating it", async (address, reason) => {
    const http: OutboundFetch = () => Promise.reject(new Error("must not be called"));
    const result = await remoteHead({ url: address, ref: { branch: "main" }, http });
    expect(result).toMatchObject({ code: "unsupported", message: expect.stringContaining(reason) });
    expect(JSON.stringify(result)).not.toContain("hunter2");
  });

  it("refuses a name that would forge a line of the protocol, and an abbreviated commit", async () => {
    for (const branch of ["main\n0000", "a..b", "-x", "a b", "", "x.lock", "a".repeat(251)]) {
      expect(await remoteHead({ http: fetch, url, ref: { branch } })).toMatchObject({ code: "unsupported" });
    }
    expect(await remoteHead({ http: fetch, url, ref: { commit: NOWHERE.slice(0, 8) } })).toMatchObject({
      code: "unsupported",
    });
  });
});

describe("remoteHead with credentials", () => {
  const credentials = { username: "ada", password: "hunter2" };
  let fixture: GitFixture;
  let url: string;

  beforeAll(async () => {
    fixture = await gitFixture({ credentials });
    await commitFiles(await fixture.repository("fleet.git"), { "a.yaml": "a: 1\n" });
    url = fixture.url("fleet.git");
  });
  afterAll(() => fixture.close());

  it("is let in with the right ones", async () => {
    expect(await remoteHead({ http: fetch, url, ref: { branch: "main" }, credentials })).toMatchObject({
      kind: "head",
    });
  });

  it("says auth with wrong or no credentials, and never tells them", async () => {
    const wrong = { username: "ada", password: "wrong-secret" };
    const result = await remoteHead({ http: fetch, url, ref: { branch: "main" }, credentials: wrong });
    expect(result).toMatchObject({
      code: "auth",
      message: expect.stringContaining("refuses the credentials"),
    });
    expect(JSON.stringify(result)).not.toContain("wrong-secret");
    expect(await remoteHead({ http: fetch, url, ref: { branch: "main" } })).toMatchObject({
      code: "auth",
      message: expect.stringContaining("asks for credentials"),
    });
  });

  it("does not send them over plain http to another machine", async () => {
    const http: OutboundFetch = () => Promise.reject(new Error("must not be called"));
    const remote = "http://git.example.com/fleet.git";
    const result = await remoteHead({ url: remote, ref: { branch: "main" }, credentials, http });
    expect(result).toMatchObject({ code: "unsupported", message: expect.stringContaining("use https") });
  });
});
