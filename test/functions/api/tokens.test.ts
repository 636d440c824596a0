/** API tokens, the first admin, and sessions that are opened with a token: over people's API on a real socket. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "#core/digest.ts";
import { makeBootstrapToken } from "../../../functions/identity/bootstrap.ts";
import { readAll } from "../../../functions/store/db.ts";
import { keys, lists } from "../../../functions/store/table.ts";
import { openBrowser } from "../../support/browser.ts";
import { apiToken } from "../../support/caller.ts";
import { startPeopleHub, type PeopleHub } from "../../support/people-hub.ts";

const DAY_MS = 86_400_000;
const HOST = "127.0.0.1";
let hub: PeopleHub;
let admin: string;

beforeAll(async () => {
  hub = await startPeopleHub();
  await hub.project("web", [
    { role: "builder", rules: [{ verbs: ["sync"], nouns: ["sources"] }], members: [{ user: "ada" }] },
  ]);
  await hub.project("till", []);
  admin = await apiToken(hub.db, { now: hub.now() });
}, 120_000);
afterAll(() => hub?.stop());

interface Made {
  id: string;
  token: string;
  expiresAt: number;
  role: string;
  rules: object[];
}

const call = (token: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${hub.url}${path}`, {
    ...init,
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      ...(init.headers as Record<string, string>),
    },
  });
const create = (by: string, project: string, body: object): Promise<Response> =>
  call(by, `/v1/projects/${project}/tokens`, { method: "POST", body: JSON.stringify(body) });
const made = async (by: string, project: string, body: object): Promise<Made> => {
  const answer = await create(by, project, body);
  expect(answer.status).toBe(201);
  return (await answer.json()) as Made;
};
async function refused(request: () => Promise<Response>, status: number): Promise<string> {
  hub.writes();
  const answer = await request();
  const body = (await answer.json()) as { detail: string };
  expect([answer.status, hub.writes()]).toEqual([status, []]);
  return body.detail;
}

describe("an API token", () => {
  it("is told once, and kept as its SHA-256 alone", async () => {
    const { token, id } = await made(admin, "web", { name: "ci", role: "deployer" });
    const items = [
      await hub.db.get(keys.apiToken(sha256(token))),
      ...(await readAll(hub.db, lists.apiTokens("web"))),
    ];
    expect(items.some((item) => item?.["id"] === id)).toBe(true);
    expect(JSON.stringify(items)).not.toContain(token.split("_")[2]);
    const list = await (await call(admin, "/v1/projects/web/tokens")).text();
    expect([list.includes(id), list.includes(token), list.includes(sha256(token))]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("carries who made it, from where and why, as the socket says and not a header", async () => {
    const headers = { "x-forwarded-for": "203.0.113.9", "fairlead-reason": "nightly build" };
    const body = JSON.stringify({ name: "stamped", role: "viewer" });
    const answer = await call(admin, "/v1/projects/web/tokens", { method: "POST", headers, body });
    const { id } = (await answer.json()) as Made;
    expect((await hub.db.get(keys.apiTokenEntry("web", id)))?.["stamp"]).toMatchObject({
      by: "token:fairlead/test",
      from: expect.stringMatching(/127\.0\.0\.1$/),
      why: "nightly build",
      request: answer.headers.get("fairlead-request"),
    });
  });

  it("may what its role says, in its own project alone", async () => {
    const { token } = await made(admin, "web", { name: "reader", role: "viewer" });
    expect((await call(token, "/v1/projects/web/sources")).status).toBe(200);
    await refused(() => call(token, "/v1/projects/till/sources"), 403);
    await refused(() => call(token, "/v1/projects/web/tokens"), 403);
    await refused(() => create(token, "web", { name: "more", role: "viewer" }), 403);
  });

  it("of the hub's own project reaches all projects", async () => {
    const { token } = await made(admin, "fairlead", { name: "all", role: "viewer" });
    expect((await call(token, "/v1/projects/web/sources")).status).toBe(200);
    expect((await call(token, "/v1/projects/till/sources")).status).toBe(200);
  });

  it("holds for 90 days unless told, for a year at most, and not a moment longer", async () => {
    const { token, expiresAt } = await made(admin, "web", { name: "days", role: "viewer", ttl: "1d" });
    expect(Math.abs(expiresAt - hub.now() - DAY_MS)).toBeLessThan(60_000);
    const usual = await made(admin, "web", { name: "usual", role: "viewer" });
    expect(Math.round((usual.expiresAt - hub.now()) / DAY_MS)).toBe(90);
    for (const ttl of ["366d", "0s", "-1d", "for ever"])
      await refused(() => create(admin, "web", { name: "long", role: "viewer", ttl }), 400);
    hub.advance(DAY_MS);
    await refused(() => call(token, "/v1/whoami"), 401);
    hub.advance(-DAY_MS);
  });

  it("is worth nothing from the next request after its revocation, also through a session", async () => {
    const { token, id } = await made(admin, "web", { name: "short", role: "viewer" });
    const browser = openBrowser();
    const signedIn = await browser.submit(await browser.visit(`${hub.url}/login`), { token });
    expect([signedIn.status, browser.cookies(HOST).has("fairlead")]).toEqual([expect.any(Number), true]);
    const cookie = `fairlead=${browser.cookies(HOST).get("fairlead")?.value ?? ""}`;
    const bySession = () => fetch(`${hub.url}/v1/whoami`, { headers: { cookie } });
    expect(await (await bySession()).json()).toMatchObject({ actor: "token:web/short" });
    expect((await call(admin, `/v1/projects/web/tokens/${id}`, { method: "DELETE" })).status).toBe(204);
    await refused(() => call(token, "/v1/whoami"), 401);
    await refused(bySession, 401);
    await refused(() => call(admin, `/v1/projects/web/tokens/${id}`, { method: "DELETE" }), 404);
  });

  it("is revoked in its own project only, by who may", async () => {
    const { id, token } = await made(admin, "web", { name: "kept", role: "viewer" });
    const till = await made(admin, "till", { name: "till-admin", role: "admin" });
    await refused(() => call(till.token, `/v1/projects/web/tokens/${id}`, { method: "DELETE" }), 403);
    await refused(() => call(till.token, `/v1/projects/till/tokens/${id}`, { method: "DELETE" }), 404);
    await refused(() => call(token, `/v1/projects/web/tokens/${id}`, { method: "DELETE" }), 403);
    expect((await call(token, "/v1/whoami")).status).toBe(200);
  });
});

describe("nobody gives more than they have", () => {
  const rules = [
    { verbs: ["write", "read"], nouns: ["tokens"] },
    { verbs: ["read"], nouns: ["apps"], labels: { matchLabels: { team: "web" } } },
  ];

  it("neither rules, nor a wider selector, nor another project", async () => {
    const { token } = await made(admin, "web", { name: "maker", rules });
    expect((await made(token, "web", { name: "same", rules })).role).toBe("custom");
    for (const role of ["viewer", "admin", "builder"])
      await refused(() => create(token, "web", { name: "more", role }), 403);
    const wider = [{ verbs: ["read"], nouns: ["apps"] }];
    await refused(() => create(token, "web", { name: "wider", rules: wider }), 403);
    for (const project of ["till", "fairlead"])
      await refused(() => create(token, project, { name: "elsewhere", rules }), 403);
  });

  it("and a token makes none that outlives it", async () => {
    const { token, expiresAt } = await made(admin, "web", { name: "week", role: "admin", ttl: "7d" });
    const child = await made(token, "web", { name: "child", role: "viewer" });
    expect(child.expiresAt).toBe(expiresAt);
    expect(
      await refused(() => create(token, "web", { name: "old", role: "viewer", ttl: "8d" }), 403),
    ).toMatch(/none that outlives it/);
  });

  it("while a role that the Project makes can be given, frozen as it is now", async () => {
    const { token, rules: given } = await made(admin, "web", { name: "built", role: "builder" });
    expect(given).toEqual([{ verbs: ["sync"], nouns: ["sources"] }]);
    await refused(() => call(token, "/v1/projects/web/sources"), 403);
    await refused(() => create(admin, "web", { name: "odd", role: "owner" }), 400);
    await refused(() => create(admin, "nowhere", { name: "odd", role: "viewer" }), 404);
    for (const body of [
      { name: "odd" },
      { name: "odd", role: "viewer", rules },
      { name: "Odd", role: "viewer" },
    ])
      await refused(() => create(admin, "web", body), 400);
  });
});

describe("the first admin", () => {
  const post = (token: string): Promise<Response> =>
    fetch(`${hub.url}/v1/auth/bootstrap`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });

  it("gets an API token for the one-time token: one, though many ask at once", async () => {
    const { token } = await makeBootstrapToken(hub.db, hub.now());
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(token)));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([201, 401, 401, 401, 401]);
    const given = (await answers.find(({ status }) => status === 201)?.json()) as Made;
    expect(Math.round((given.expiresAt - hub.now()) / DAY_MS)).toBe(30);
    expect(await (await call(given.token, "/v1/whoami")).json()).toMatchObject({
      projects: [{ project: "fairlead", rules: [{ verbs: ["*"], nouns: ["*"] }] }],
    });
    expect(JSON.stringify(await hub.db.get(keys.bootstrap(sha256(token))))).toBeUndefined();
  });

  it("finds the one-time token too old after an hour, and nothing else in its place", async () => {
    const { token } = await makeBootstrapToken(hub.db, hub.now());
    hub.advance(3_600_000);
    await refused(() => post(token), 401);
    hub.advance(-3_600_000);
    await refused(() => post("fb_never"), 401);
    await refused(() => post(admin), 401);
    await refused(() => post(""), 400);
    expect((await post(token)).status).toBe(201);
  });

  it("opens a session by link and button: the link alone changes nothing", async () => {
    const { token } = await makeBootstrapToken(hub.db, hub.now());
    const browser = openBrowser();
    hub.writes();
    const page = await browser.visit(`${hub.url}/login?bootstrap=${token}`);
    expect([page.status, hub.writes(), browser.cookies(HOST).size]).toEqual([200, [], 0]);
    await browser.submit(page);
    const cookie = `fairlead=${browser.cookies(HOST).get("fairlead")?.value ?? ""}`;
    const who = await fetch(`${hub.url}/v1/whoami`, { headers: { cookie } });
    expect(await who.json()).toMatchObject({ actor: "token:fairlead/bootstrap" });
    const again = openBrowser();
    const used = await again.submit(await again.visit(`${hub.url}/login?bootstrap=${token}`));
    expect([used.status, again.cookies(HOST).size]).toEqual([401, 0]);
  });

  it("is not made by a foreign page, and the token stays good", async () => {
    const { token } = await makeBootstrapToken(hub.db, hub.now());
    const form = (origin: string | undefined) =>
      fetch(`${hub.url}/login/token`, {
        method: "POST",
        redirect: "manual",
        headers: {
          "content-type": "application/x-www-form-urlencoded",
          ...(origin === undefined ? {} : { origin }),
        },
        body: new URLSearchParams({ token }).toString(),
      });
    for (const origin of ["https://evil.example", "null", undefined]) await refused(() => form(origin), 403);
    const answer = await form(hub.url);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/"]);
    expect(answer.headers.get("set-cookie")).toMatch(
      /^fairlead=[\w-]{43}; Max-Age=43[12]\d\d; Path=\/; HttpOnly; SameSite=Strict$/,
    );
  });
});
