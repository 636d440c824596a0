/** Bearers that are tokens of an issuer: people's provider and CI systems. What does not fit proves nobody, and writes nothing. */
import { generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startPeopleHub, type PeopleHub } from "../../support/people-hub.ts";
import { startIssuer, type TokenIssuer } from "../../support/token-issuer.ts";

const CLIENT = "hub-client";
let hub: PeopleHub;
let people: TokenIssuer;
let ci: TokenIssuer;

beforeAll(async () => {
  hub = await startPeopleHub();
  [people, ci] = [await startIssuer(hub.now, "RS256"), await startIssuer(hub.now)];
  await hub.project("web", [
    { role: "viewer", members: [{ user: "ada@example.com" }, { group: "ops" }] },
    {
      role: "deployer",
      members: [{ ci: { issuer: ci.issuer, claims: { repository: "acme/shop", ref: "refs/heads/*" } } }],
    },
  ]);
}, 120_000);
// A hub that has learnt nothing yet.
beforeEach(() => hub.configure({ issuer: people.issuer, clientId: CLIENT, cliClientId: "cli-client" }));
afterAll(async () => {
  await ci?.stop();
  await people?.stop();
  await hub?.stop();
});

const ask = (token: string, path = "/v1/whoami", init: RequestInit = {}): Promise<Response> =>
  fetch(`${hub.url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
  });
const who = async (token: string): Promise<unknown> => {
  const answer = await ask(token);
  expect(answer.status).toBe(200);
  return answer.json();
};

/** 401, nothing written; gives what is said. */
async function refused(token: string, status = 401): Promise<string> {
  hub.writes();
  const answer = await ask(token);
  const body = (await answer.json()) as { detail: string };
  expect([answer.status, hub.writes()]).toEqual([status, []]);
  if (status === 401) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  return body.detail;
}

const ada = { sub: "1", aud: CLIENT, email: "ada@example.com", email_verified: true };
const job = () => ({ sub: "repo:acme/shop", aud: hub.url, repository: "acme/shop", ref: "refs/heads/main" });

describe("a person's ID token", () => {
  it("is its person by the verified address, else by the subject, with the groups that are texts", async () => {
    expect(await who(await people.sign(ada))).toMatchObject({
      actor: "user:ada@example.com",
      projects: [{ project: "web" }],
    });
    const plain = await people.sign({
      sub: "u-7",
      aud: CLIENT,
      email: "ada@example.com",
      groups: ["ops", 7, ""],
    });
    expect(await who(plain)).toMatchObject({ actor: "user:u-7", projects: [{ project: "web" }] });
    expect(await who(await people.sign({ ...ada, aud: ["other", "cli-client"] }))).toMatchObject({
      actor: "user:ada@example.com",
    });
  });

  it("cannot be somebody's address by its subject, nor by a claim that is no boolean", async () => {
    expect(await who(await people.sign({ sub: "ada@example.com", aud: CLIENT }))).toMatchObject({
      actor: "user:subject:ada@example.com",
      projects: [],
    });
    expect(await who(await people.sign({ ...ada, email_verified: "true" }))).toMatchObject({
      actor: "user:1",
    });
  });

  it("is refused by time, audience, client and type, and told which", async () => {
    const s = Math.floor(hub.now() / 1000);
    expect(await refused(await people.sign({ ...ada, exp: s - 40, iat: s - 400, nbf: s - 400 }))).toMatch(
      /expired/,
    );
    expect(await refused(await people.sign({ ...ada, nbf: s + 60 }))).toMatch(/nbf/);
    expect(await refused(await people.sign({ ...ada, aud: "other" }))).toMatch(/aud/);
    expect(await refused(await people.sign({ ...ada, aud: undefined }))).toMatch(/aud/);
    expect(await refused(await people.sign({ ...ada, exp: undefined }))).toMatch(/exp/);
    expect(await refused(await people.sign({ ...ada, azp: "other" }))).toMatch(/another client/);
    expect(await refused(await people.sign({ ...ada, sub: "" }))).toMatch(/subject/);
    for (const typ of ["at+jwt", "logout+jwt"])
      expect(await refused(await people.sign(ada, { header: { typ } }))).toMatch(/no ID token/);
  });

  it("is refused when another key, a shared secret or nothing signed it", async () => {
    const { privateKey } = await generateKeyPair("RS256");
    expect(await refused(await people.sign(ada, { key: privateKey }))).toMatch(
      /not signed as its issuer signs/,
    );
    const base = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");
    const s = Math.floor(hub.now() / 1000);
    const claims = { ...ada, iss: people.issuer, iat: s, exp: s + 300 };
    for (const alg of ["none", "None", "nOnE"]) await refused(`${base({ alg })}.${base(claims)}.`);
    const hmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: "k1" })
      .sign(new TextEncoder().encode("k".repeat(32)));
    await refused(hmac);
    const [head, , signature] = (await people.sign(ada)).split(".");
    await refused(`${head}.${base({ ...claims, email: "root@example.com" })}.${signature}`);
    for (const broken of ["a.b.c", "..", `${head}..${signature}`, `${base({ alg: "RS256" })}.${base([])}.x`])
      await refused(broken);
  });

  it("is not taken from an issuer that nobody named, not even to look at its keys", async () => {
    const other = await startIssuer(hub.now, "RS256");
    expect(await refused(await other.sign(ada))).toMatch(/not one that this hub or a Project names/);
    expect(other.asked()).toBe(0);
    await other.stop();
    // And a token that names people's provider, but is signed by the CI system's key.
    await refused(await ci.sign({ ...ada, iss: people.issuer }));
  });
});

describe("a CI job's token", () => {
  it("is its job where issuer and every claim fit, by the hub's address or id", async () => {
    for (const aud of [hub.url, "hub-test"])
      expect(await who(await ci.sign({ ...job(), aud }))).toMatchObject({
        actor: `ci:${ci.issuer}#repo:acme/shop`,
        projects: [{ project: "web" }],
      });
    const token = await ci.sign(job());
    expect((await ask(token, "/v1/projects/web/sources")).status).toBe(200);
    expect((await ask(token, "/v1/projects/default/sources")).status).toBe(403);
  });

  it("of another repository or ref is somebody who may nothing", async () => {
    for (const claims of [
      { repository: "acme/other" },
      { ref: "refs/tags/v1" },
      { repository: 7 },
      { ref: undefined },
    ])
      expect(await who(await ci.sign({ ...job(), ...claims }))).toMatchObject({ projects: [] });
  });

  it("for another audience is refused, also that of people's client", async () => {
    for (const aud of ["https://hub.example.com", CLIENT, undefined])
      expect(await refused(await ci.sign({ ...job(), aud }))).toMatch(/aud/);
  });

  it("is not looked at once no role names its issuer", async () => {
    const other = await startIssuer(hub.now);
    const claims = { ...job(), sub: "s" };
    const member = { ci: { issuer: other.issuer, claims: { repository: "acme/shop" } } };
    await hub.project("ops", [{ role: "viewer", members: [member] }]);
    hub.advance(6000);
    expect(await who(await other.sign(claims))).toMatchObject({ projects: [{ project: "ops" }] });
    await hub.project("ops", []);
    // At once without a right, and soon nobody at all.
    expect(await who(await other.sign(claims))).toMatchObject({ projects: [] });
    hub.advance(6000);
    expect(await refused(await other.sign(claims))).toMatch(/not one that this hub/);
    await other.stop();
  });
});

describe("an issuer's keys", () => {
  it("are asked for once, and again when a new one signs", async () => {
    const before = ci.asked();
    for (let n = 0; n < 5; n += 1) await who(await ci.sign(job()));
    expect(ci.asked() - before).toBe(1);
    const old = await ci.sign(job());
    await ci.rotate();
    hub.advance(11 * 60_000);
    expect(await refused(old)).toBeDefined();
    await who(await ci.sign(job()));
  });

  it("are not taken where the metadata are another issuer's, or send elsewhere without https", async () => {
    for (const lies of [{ issuer: "https://other.example.com" }, { jwks_uri: "http://127.0.0.1:9/keys" }]) {
      ci.lie(lies);
      hub.configure(undefined);
      expect(await refused(await ci.sign(job()), 503)).toMatch(/cannot be asked for its keys/);
    }
    ci.lie({});
    hub.configure(undefined);
    await who(await ci.sign(job()));
  });

  it("that cannot be had make a 503, and the cause is in the log alone", async () => {
    const gone = await startIssuer(hub.now);
    await hub.project("gone", [
      { role: "viewer", members: [{ ci: { issuer: gone.issuer, claims: { sub: "*" } } }] },
    ]);
    hub.configure(undefined);
    const token = await gone.sign(job());
    await gone.stop();
    const detail = await refused(token, 503);
    expect(detail).not.toMatch(/ECONNREFUSED|fetch/);
    expect(hub.logged.some(({ message }) => String(message).includes(gone.issuer))).toBe(true);
  });
});

describe("wrong proofs", () => {
  it("are heard a hundred times a minute from one address; the same one again counts once", async () => {
    for (let n = 0; n < 5; n += 1) expect((await ask("fl_0_same")).status).toBe(401);
    const seen: number[] = [];
    for (let n = 0; n < 105; n += 1) seen.push((await ask(`fl_0_${n}`)).status);
    expect(seen.filter((status) => status === 401)).toHaveLength(99);
    expect(seen.slice(99)).toEqual(seen.slice(99).map(() => 429));
    const answer = await ask("fl_0_x");
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    hub.advance(60_000);
    expect((await ask("fl_0_x")).status).toBe(401);
  });

  it("too long to be one are refused unread", async () => {
    expect(await refused("x".repeat(12_001))).toMatch(/cannot be read/);
  });
});
