/** A GitHub App against a server that checks what GitHub checks: the JWT's signature, issuer and age. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { jwtVerify } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";
import { createOutbound } from "../../../functions/outbound/client.ts";
import {
  appHost,
  appKey,
  forgetToken,
  installationToken,
  type GitHubApp,
  type TokenCache,
} from "../../../functions/source/github-app.ts";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = (type: "pkcs1" | "pkcs8", key: KeyObject = privateKey): string =>
  key.export({ type, format: "pem" }).toString();
const HOUR_MS = 3_600_000;

async function github(answer: { status?: number; body?: string; expiresInMs?: number } = {}) {
  const requests: string[] = [];
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const server = createServer((request, response) => {
    void (async () => {
      const jwt = (request.headers.authorization ?? "").replace(/^Bearer /, "");
      const options = {
        issuer: "12345",
        algorithms: ["RS256"],
        maxTokenAge: "10m",
        currentDate: new Date(now()),
      };
      const verified = await jwtVerify(jwt, publicKey, options).catch(() => undefined);
      const lifeS = (verified?.payload.exp ?? 0) - (verified?.payload.iat ?? 0);
      requests.push(`${request.method} ${request.url} ${request.headers["user-agent"]}`);
      if (verified === undefined || lifeS > 600) return response.writeHead(401).end('{"message":"no"}');
      const expires = new Date(now() + (answer.expiresInMs ?? HOUR_MS)).toISOString();
      const token = `ghs_${requests.length}`;
      const body = answer.body ?? JSON.stringify({ token, expires_at: expires, permissions: {} });
      return response.writeHead(answer.status ?? 201, { location: "/elsewhere" }).end(body);
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const outbound = createOutbound({ allowLoopback: true });
  onTestFinished(async () => {
    await outbound.close();
    server.closeAllConnections();
    server.close();
  });
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cache: TokenCache = new Map();
  const deps = { now, http: outbound.to([]), cache };
  return { requests, apiUrl, deps, later: (ms: number) => (ahead += ms) };
}

const app = (apiUrl: string, parts: Partial<GitHubApp> = {}): GitHubApp => ({
  kind: "github-app",
  appId: "12345",
  installationId: "678",
  privateKey: pem("pkcs1"),
  apiUrl,
  ...parts,
});

describe("installationToken", () => {
  it("exchanges a signed JWT for the installation's token, with a key as PKCS#1 and as PKCS#8", async () => {
    for (const type of ["pkcs1", "pkcs8"] as const) {
      const { apiUrl, deps, requests } = await github();
      expect(await installationToken(deps, app(apiUrl, { privateKey: pem(type) }))).toBe("ghs_1");
      expect(requests).toEqual(["POST /app/installations/678/access_tokens fairlead"]);
    }
  });

  it("keeps it until shortly before its end, for each App, and asks once for many at once", async () => {
    const { apiUrl, deps, requests, later } = await github();
    const tokens = await Promise.all([1, 2, 3].map(() => installationToken(deps, app(apiUrl))));
    expect(tokens).toEqual(["ghs_1", "ghs_1", "ghs_1"]);
    later(HOUR_MS - 6 * 60_000);
    expect(await installationToken(deps, app(apiUrl))).toBe("ghs_1");
    expect(await installationToken(deps, app(apiUrl, { installationId: "9" }))).toBe("ghs_2");
    later(2 * 60_000);
    expect(await installationToken(deps, app(apiUrl))).toBe("ghs_3");
    forgetToken(deps.cache, app(apiUrl));
    expect(await installationToken(deps, app(apiUrl))).toBe("ghs_4");
    expect(requests).toHaveLength(4);
  });

  it("works below a path: GitHub Enterprise", async () => {
    const { apiUrl, deps, requests } = await github();
    await installationToken(deps, app(`${apiUrl}/api/v3/`));
    expect(requests[0]).toContain("POST /api/v3/app/installations/678/access_tokens");
  });

  it("says what GitHub refuses, without key or JWT, and tries again the next time", async () => {
    const { apiUrl, deps, requests } = await github();
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const wrong = app(apiUrl, { privateKey: pem("pkcs8", other) });
    for (const _ of [1, 2])
      await expect(installationToken(deps, wrong)).rejects.toMatchObject({
        code: "auth",
        message: expect.stringMatching(
          /^127\.0\.0\.1:\d+ gives no token \(HTTP 401\): .* check appId and privateKey$/,
        ),
      });
    expect(requests).toHaveLength(2);
  });

  it.each([
    [404, "auth", "installationId"],
    [403, "auth", "suspended"],
    [302, "unreachable", "HTTP 302"],
    [500, "unreachable", "HTTP 500"],
  ])("of an answer %i is a failure that says what to look at", async (status, code, words) => {
    const { apiUrl, deps, requests } = await github({ status });
    await expect(installationToken(deps, app(apiUrl))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
    expect(requests).toHaveLength(1);
  });

  it.each([["<html>"], ['{"token":"x"}'], ["x".repeat(300_000)]])(
    "refuses an answer that is not GitHub's (%#)",
    async (body) => {
      const { apiUrl, deps } = await github({ body });
      await expect(installationToken(deps, app(apiUrl))).rejects.toMatchObject({ code: "invalid" });
    },
  );

  it("sends no JWT over plain http to another machine, nor past the guard", async () => {
    const { deps } = await github();
    await expect(installationToken(deps, app("http://ghe.example.com"))).rejects.toMatchObject({
      code: "credentials",
      message: expect.stringContaining("use https"),
    });
    await expect(installationToken(deps, app("https://169.254.169.254"))).rejects.toMatchObject({
      code: "refused",
    });
  });
});

describe("appKey", () => {
  it("takes private RSA keys of 2048 bits and more, and nothing else", () => {
    const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
    const curve = generateKeyPairSync("ed25519").privateKey;
    const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
    expect(appKey(pem("pkcs1"))).toBeDefined();
    for (const text of [pem("pkcs8", short), pem("pkcs8", curve), publicPem, "secret", ""])
      expect(appKey(text)).toBeUndefined();
  });
});

describe("appHost", () => {
  it("is the one host that the tokens are sent to", () => {
    const hosts = ["https://api.github.com", "https://ghe.corp/api/v3", "https://api.acme.ghe.com"];
    expect(hosts.map((url) => appHost(app(url)))).toEqual(["github.com", "ghe.corp", "acme.ghe.com"]);
  });
});
