/** `fairlead credentials` against the real API: a secret goes in by standard input and never out. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Hono } from "hono";
import { hubStamp } from "#core/actor.ts";
import { buildApp } from "../../functions/api/app.ts";
import { ensureProject } from "../../functions/store/resource.ts";
import { apiToken } from "../support/caller.ts";
import { sourceParts, type SourceParts } from "../functions/release/source-fixture.ts";
import { fairlead, SERVER, type Ran } from "./support.ts";

const SECRET = "hunter2-hunter2-hunter2";
let hub: SourceParts;
let run: (argv: string[], stdin?: string) => Promise<Ran>;

beforeAll(async () => {
  hub = await sourceParts();
  for (const project of ["fairlead", "default"]) await ensureProject(hub.db, project, hubStamp("test"));
  const api = buildApp({ ...hub, log: () => undefined, hubUrl: "http://127.0.0.1:1" });
  const env = { FAIRLEAD_SERVER: SERVER, FAIRLEAD_API_TOKEN: await apiToken(hub.db, { now: hub.now() }) };
  run = (argv, stdin) =>
    fairlead(api as unknown as Hono, ["credentials", ...argv], {
      env,
      ...(stdin === undefined ? {} : { stdin: () => Promise.resolve(stdin) }),
    });
});
afterAll(() => hub?.stop());

const stored = async (name: string): Promise<unknown> =>
  JSON.parse((await hub.secrets.get("default", name)) ?? "null");

describe("fairlead credentials set", () => {
  it("stores a token from standard input, without the line's end, for the hosts that are named", async () => {
    const ran = await run(
      ["set", "git", "--token-stdin", "--host", "a.example", "--host", "b.example"],
      `${SECRET}\n`,
    );
    expect(ran).toEqual({ code: 0, out: "", err: "credential git is stored (token, version 1)\n" });
    expect(await stored("git")).toEqual({ kind: "token", token: SECRET, hosts: ["a.example", "b.example"] });
  });

  it("stores a user's password, and a webhook's secret that is given", async () => {
    expect((await run(["set", "basic", "--basic", "ada"], SECRET)).code).toBe(0);
    expect(await stored("basic")).toEqual({ kind: "basic", username: "ada", password: SECRET });
    expect((await run(["set", "given", "--webhook-stdin"], SECRET)).out).toBe("");
    expect(await stored("given")).toEqual({ kind: "webhook", secret: SECRET });
  });

  it("makes a webhook's secret and prints it once, as the only thing on standard output", async () => {
    const { code, out } = await run(["set", "hook", "--webhook"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^[\w-]{43}\n$/);
    expect(await stored("hook")).toEqual({ kind: "webhook", secret: out.trim() });
    expect((await run(["set", "hook", "--webhook"])).out).not.toBe(out);
  });

  it("stores a GitHub App with its key, and asks for what is missing", async () => {
    const { generateKeyPairSync } = await import("node:crypto");
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
    expect((await run(["set", "app", "--github-app", "12", "--installation", "34"], pem)).code).toBe(0);
    expect(await stored("app")).toMatchObject({ kind: "github-app", appId: "12", installationId: "34" });
    expect(await run(["set", "app", "--github-app", "12"], pem)).toMatchObject({
      code: 2,
      err: expect.stringContaining("--installation NUMBER"),
    });
    const wrong = await run(["set", "wrong", "--github-app", "12", "--installation", "34"], SECRET);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("privateKey: is no PEM") });
    expect(wrong.err).not.toContain(SECRET);
  });

  it.each([
    [[], SECRET, "one kind of credential must be named"],
    [["--token-stdin", "--webhook"], SECRET, "one kind of credential must be named"],
    [["--token-stdin"], "", "standard input holds nothing where the token should be"],
    [["--webhook-stdin"], "short", "at least 16 characters"],
  ])("is told what is wrong with %j", async (flags, stdin, words) => {
    expect(await run(["set", "bad", ...flags], stdin)).toMatchObject({
      code: 2,
      err: expect.stringContaining(words),
    });
    expect(await stored("bad")).toBeNull();
  });
});

describe("fairlead credentials list and delete", () => {
  it("show who stored what when, never a value", async () => {
    const { code, out } = await run(["list"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^NAME\s+KIND\s+VERSION\s+STORED\s+BY$/m);
    expect(out).toMatch(/^git\s+token\s+1\s+.*token:fairlead\/test$/m);
    expect(out).not.toContain("hunter2");
    const json = JSON.parse((await run(["list", "-o", "json"])).out) as { name: string }[];
    expect(json.map(({ name }) => name)).toEqual(["app", "basic", "git", "given", "hook"]);
  });

  it("delete one, and say when there is none", async () => {
    expect(await run(["delete", "basic"])).toEqual({ code: 0, out: "credential basic deleted\n", err: "" });
    expect(await stored("basic")).toBeNull();
    expect(await run(["delete", "basic"])).toMatchObject({ code: 1, err: expect.stringContaining("basic") });
  });
});
