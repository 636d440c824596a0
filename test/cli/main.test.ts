import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fleet } from "../functions/dashboard/fleet-fixture.ts";
import { fairlead, fixtureHub, folder, SERVER, TOKEN } from "./support.ts";

/** Notes which server each request went to, and with which bearer. */
function recordingFetch() {
  const asked: { url: string; bearer: string | null }[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    asked.push({ url, bearer: new Headers(init.headers).get("authorization") });
    return Response.json(fleet());
  };
  return { asked, fetch };
}

async function withConfig(text: string): Promise<string> {
  const root = await folder();
  await mkdir(join(root, ".fairlead"));
  await writeFile(join(root, ".fairlead", "cli.json"), text);
  const deep = join(root, "a", "b");
  await mkdir(deep, { recursive: true });
  return deep;
}

const FILE = JSON.stringify({ server: "http://file.test/", token: "file-token" });

describe("which hub is asked", () => {
  it("is the one of the nearest .fairlead/cli.json, found upward", async () => {
    const { asked, fetch } = recordingFetch();
    await fairlead(fixtureHub(), ["get"], { cwd: await withConfig(FILE), env: {}, fetch });
    expect(asked).toEqual([
      { url: "http://file.test/v1/projects/default/fleet", bearer: "Bearer file-token" },
    ]);
  });

  it("is the environment's before the file's, and the flag's before both", async () => {
    const { asked, fetch } = recordingFetch();
    const env = { FAIRLEAD_SERVER: "http://env.test", FAIRLEAD_API_TOKEN: "env-token" };
    const cwd = await withConfig(FILE);
    await fairlead(fixtureHub(), ["get"], { cwd, env, fetch });
    await fairlead(
      fixtureHub(),
      ["get", "--server", "http://flag.test", "--token", "flag-token", "--project", "web"],
      { cwd, env, fetch },
    );
    expect(asked).toEqual([
      { url: "http://env.test/v1/projects/default/fleet", bearer: "Bearer env-token" },
      { url: "http://flag.test/v1/projects/web/fleet", bearer: "Bearer flag-token" },
    ]);
  });

  // What would break: `--server` with a foreign address would hand it the local hub's token.
  it("never gets the file's token for another server", async () => {
    const { asked, fetch } = recordingFetch();
    const ran = await fairlead(fixtureHub(), ["get", "--server", "http://other.test"], {
      cwd: await withConfig(FILE),
      env: {},
      fetch,
    });
    expect([ran.code, asked]).toEqual([1, []]);
    expect(ran.err).toContain("no token is known for http://other.test");
  });

  it.each([
    [[], {}, "no hub is named", 1],
    [["--server", "file:///etc"], {}, "is no http(s) URL", 2],
    [["--project", "A/B"], {}, "--project must be lower-case", 2],
  ])("is told with the fix: %j", async (flags, env, words, code) => {
    const ran = await fairlead(fixtureHub(), ["get", ...flags], { cwd: await folder(), env });
    expect([ran.code, ran.err]).toEqual([code, expect.stringContaining(words)]);
    expect(ran.err).toMatch(/\nfix: .+\n$/);
  });

  it("is told when the file is broken, without its content", async () => {
    const ran = await fairlead(fixtureHub(), ["get"], { cwd: await withConfig('{"token":"secret'), env: {} });
    expect([ran.code, ran.err]).toEqual([1, expect.stringContaining("cli.json does not hold")]);
    expect(ran.err).not.toContain("secret");
  });
});

describe("a hub that does not answer well", () => {
  const failing = (fetch: () => Promise<Response>) => fairlead(fixtureHub(), ["get"], { fetch });

  it("is not reachable: URL, cause and how to start it come first", async () => {
    const cause = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    const ran = await failing(() => Promise.reject(new TypeError("fetch failed", { cause })));
    expect(ran).toEqual({
      code: 1,
      out: "",
      err: `error: no hub answers at ${SERVER} (ECONNREFUSED; named by FAIRLEAD_SERVER)\nfix: start it with \`npm start\`, or name another with --server URL (FAIRLEAD_SERVER)\n`,
    });
  });

  it("refuses the token", async () => {
    const ran = await fairlead(fixtureHub(), ["get"], {
      env: { FAIRLEAD_SERVER: SERVER, FAIRLEAD_API_TOKEN: "wrong" },
    });
    expect([ran.code, ran.err]).toEqual([
      1,
      expect.stringMatching(/Who asks is not proved.*\nfix: check --token/),
    ]);
    expect(ran.err).not.toContain("wrong");
  });

  it.each([
    ["is no hub", () => new Response("<html>", { status: 404 }), "answers 404, and not as a hub does"],
    ["fails inside", () => new Response("oops", { status: 502 }), "answers 502"],
    [
      "speaks another shape",
      () => Response.json({ at: "soon" }),
      "in a shape that this CLI does not know (at: ",
    ],
    ["answers no JSON", () => new Response("hello"), "in a shape that this CLI does not know"],
  ])("%s", async (_, answer, words) => {
    const ran = await failing(async () => answer());
    expect([ran.code, ran.out, ran.err]).toEqual([1, "", expect.stringContaining(words)]);
    expect(ran.err).toMatch(/\nfix: .+\n$/);
  });

  it("is never followed to another address with the token", async () => {
    const { asked, fetch } = recordingFetch();
    const inits: RequestInit[] = [];
    await fairlead(fixtureHub(), ["get"], {
      fetch: async (url, init) => (inits.push(init), fetch(url, init)),
    });
    expect(inits.map(({ redirect }) => redirect)).toEqual(["error"]);
    expect(asked[0]?.bearer).toBe(`Bearer ${TOKEN}`);
  });
});

describe("words", () => {
  it("has help for every command, on standard output", async () => {
    for (const argv of [
      [],
      ["get"],
      ["apply"],
      ["rollout"],
      ["rollout", "status"],
      ["cluster"],
      ["cluster", "register"],
      ["sync"],
      ["audit"],
      ["delete"],
      ["version"],
    ]) {
      const ran = await fairlead(fixtureHub(), [...argv, "--help"]);
      expect([argv, ran.code, ran.err]).toEqual([argv, 0, ""]);
      expect(ran.out).toContain(`fairlead ${argv.join(" ")}`.trim());
    }
  });

  it("names the nearest command for one that there is not", async () => {
    const ran = await fairlead(fixtureHub(), ["aply"]);
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining("did you mean apply?")]);
  });

  it("prints its version without asking a hub", async () => {
    const ran = await fairlead(fixtureHub(), ["version"], { env: {}, cwd: await folder() });
    expect(ran).toEqual({ code: 0, out: expect.stringMatching(/^fairlead \d+\.\d+\.\d+\n$/), err: "" });
  });
});
