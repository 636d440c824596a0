/** The credentials of a project over the API: values go in, and only names come out. A refusal writes nothing anywhere. */
import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hubStamp } from "#core/actor.ts";
import { buildApp } from "../../../functions/api/app.ts";
import { SECRET_BYTES_MAX } from "../../../functions/secrets/check.ts";
import { getCredential } from "../../../functions/store/credential.ts";
import { ensureProject } from "../../../functions/store/resource.ts";
import { keys } from "../../../functions/store/table.ts";
import { headersOf } from "../../support/caller.ts";
import { sourceOf, sourceParts, type SourceParts } from "../release/source-fixture.ts";

const SECRET = "hunter2-hunter2-hunter2";
const token = { kind: "token", token: SECRET };
let hub: SourceParts;
let api: ReturnType<typeof buildApp>;
const logged: unknown[] = [];
const roles: Record<string, Record<string, string>> = {};

beforeAll(async () => {
  hub = await sourceParts();
  api = buildApp({ ...hub, log: (entry) => void logged.push(entry), hubUrl: "http://127.0.0.1:1" });
  for (const project of ["fairlead", "web", "other"]) await ensureProject(hub.db, project, hubStamp("test"));
  for (const role of ["admin", "deployer", "viewer"])
    roles[role] = await headersOf(hub.db, { role, now: hub.now(), name: role });
  roles["stranger"] = await headersOf(hub.db, { project: "other", now: hub.now() });
});
afterAll(() => hub?.stop());

const call = async (method: string, path: string, body?: unknown, role = "admin", headers: object = {}) =>
  api.request(`/v1/projects/web/credentials${path}`, {
    method,
    headers: { ...roles[role], ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
const list = async () => ((await (await call("GET", "")).json()) as { items: unknown[] }).items;

async function refused(name: string, request: () => Promise<Response>) {
  const before = await hub.secrets.get("web", name);
  hub.writes();
  const answer = await request();
  expect(hub.writes()).toEqual([]);
  expect(await hub.secrets.get("web", name)).toBe(before);
  const body = await answer.text();
  expect(body).not.toContain(SECRET);
  return { status: answer.status, ...(JSON.parse(body) as { code: string; detail: string }) };
}

describe("PUT a credential", () => {
  it("stores the value in the secret store, and its name, kind, version and author in the table", async () => {
    const made = await call("PUT", "/git", token, "admin", { "fairlead-reason": "first" });
    expect([made.status, await made.json()]).toEqual([
      201,
      { name: "git", kind: "token", version: 1, by: "token:fairlead/admin", at: hub.now() },
    ]);
    expect(JSON.parse((await hub.secrets.get("web", "git")) ?? "")).toEqual(token);
    const basic = { kind: "basic", username: "ada", password: SECRET, hosts: ["git.example.com"] };
    const again = await call("PUT", "/git", basic);
    expect([again.status, await again.json()]).toMatchObject([200, { kind: "basic", version: 2 }]);
    expect(JSON.parse((await hub.secrets.get("web", "git")) ?? "")).toEqual(basic);
    const item = await hub.db.get(keys.credential("web", "git"), { consistent: true });
    expect(item).toMatchObject({ version: 2, stamp: { by: "token:fairlead/admin" } });
    expect(JSON.stringify([item, logged])).not.toContain(SECRET);
  });

  it("of two at once tells one to look again", async () => {
    const answers = await Promise.all(
      [1, 2, 3].map((n) => call("PUT", "/raced", { ...token, token: `${SECRET}${n}` })),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses[0]).toBeLessThan(300);
    expect(statuses.every((status) => [200, 201, 409].includes(status))).toBe(true);
    const written = statuses.filter((status) => status < 300).length;
    expect((await getCredential(hub.db, "web", "raced"))?.version).toBe(written);
  });

  it.each<[string, unknown, number, string]>([
    ["no JSON", `{"kind":"token","token":"${SECRET}"`, 400, "invalid-request"],
    ["an unknown kind", { kind: "ssh", key: SECRET }, 400, "invalid-request"],
    ["a field too many", { ...token, password: SECRET }, 400, "invalid-request"],
    ["a field of the wrong type", { kind: "token", token: [SECRET] }, 400, "invalid-request"],
    ["an empty secret", { kind: "token", token: "" }, 400, "invalid-request"],
    [
      "a key that is none",
      { kind: "github-app", appId: "1", installationId: "1", privateKey: SECRET },
      400,
      "invalid-request",
    ],
    ["more than a store takes", { kind: "token", token: SECRET.repeat(300) }, 413, "too-large"],
  ])("refuses %s without telling it", async (_what, body, status, code) => {
    expect(await refused("bad", () => call("PUT", "/bad", body))).toMatchObject({ status, code });
    expect(await hub.secrets.get("web", "bad")).toBeUndefined();
  });

  it("takes a GitHub App with a key of 4096 bits: the largest that is common", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 4096 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const app = { kind: "github-app", appId: "1234567", installationId: "12345678", privateKey: pem };
    expect(Buffer.byteLength(JSON.stringify(app))).toBeLessThan(SECRET_BYTES_MAX);
    expect((await call("PUT", "/app", app)).status).toBe(201);
  });

  it("refuses a name that is none, and a project that is not there", async () => {
    expect(await refused("x", () => call("PUT", "/Not%2FA%2FName", token))).toMatchObject({ status: 400 });
    const elsewhere = () =>
      Promise.resolve(
        api.request("/v1/projects/nowhere/credentials/git", {
          method: "PUT",
          headers: roles["admin"] ?? {},
          body: JSON.stringify(token),
        }),
      );
    expect(await refused("git", elsewhere)).toMatchObject({ status: 404, code: "not-found" });
  });
});

describe("the rights on credentials", () => {
  it.each(["deployer", "viewer", "stranger"])("are an admin's alone: not a %s's", async (role) => {
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["PUT", "/git", token],
      ["DELETE", "/git", undefined],
    ] as const)
      expect(await refused("git", () => call(method, path, body, role))).toMatchObject({
        status: 403,
        code: "forbidden",
      });
  });

  it("are nobody's without proof of who asks", async () => {
    expect(
      await refused("git", () =>
        call("PUT", "/git", token, "nobody", { "content-type": "application/json" }),
      ),
    ).toMatchObject({
      status: 401,
    });
  });
});

describe("GET and DELETE credentials", () => {
  it("list names, kinds and authors, never a value", async () => {
    const items = await list();
    expect(items).toContainEqual({
      name: "git",
      kind: "basic",
      version: 2,
      by: "token:fairlead/admin",
      at: hub.now(),
    });
    expect(JSON.stringify(items)).not.toMatch(/hunter2|PRIVATE|ada/);
  });

  it("delete value and entry, but not while a Source uses it, nor another version than was read", async () => {
    const spec = { credentials: "git", webhook: "app" };
    await hub.apply(sourceOf("https://git.example.com/fleet.git", spec, { project: "web" }));
    for (const name of ["git", "app"])
      expect(await refused(name, () => call("DELETE", `/${name}`))).toMatchObject({
        status: 409,
        detail: `Sources use credential ${name}: fleet; let them name another first`,
      });
    await hub.apply(sourceOf("https://git.example.com/fleet.git", {}, { project: "web" }));
    const stale = { "if-match": '"1-0"' };
    expect(await refused("git", () => call("DELETE", "/git", undefined, "admin", stale))).toMatchObject({
      status: 412,
    });
    expect((await call("DELETE", "/git")).status).toBe(204);
    expect(await hub.secrets.get("web", "git")).toBeUndefined();
    expect(await refused("git", () => call("DELETE", "/git"))).toMatchObject({ status: 404 });
    expect(JSON.stringify(await list())).not.toContain('"git"');
  });
});
