/** Signing in with the CLI, by the real `run(argv, io)`, against a hub on a socket and a real provider. */
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { run } from "../../cli/main.ts";
import { makeBootstrapToken } from "../../functions/identity/bootstrap.ts";
import { apiToken } from "../support/caller.ts";
import { confirmDevice, startProvider, type TestProvider } from "../support/oidc-provider.ts";
import { startPeopleHub, type PeopleHub } from "../support/people-hub.ts";

const ID_TOKEN_S = 600;
let hub: PeopleHub;
let provider: TestProvider;

beforeAll(async () => {
  hub = await startPeopleHub();
  provider = await startProvider({ idTokenSeconds: ID_TOKEN_S });
  hub.configure(provider);
  await hub.project("web", [{ role: "deployer", members: [{ user: "ada@example.com" }] }]);
}, 120_000);
afterAll(async () => {
  await provider?.stop();
  await hub?.stop();
});

interface Machine {
  file: string;
  /** Every request that left it. */
  asked: { url: string; authorization: string | null }[];
  run(...argv: string[]): Promise<{ code: number; out: string; err: string }>;
  /** What standard input holds. */
  input: string;
  advance(ms: number): void;
  /** Who confirms the code when it is shown. */
  user: string | undefined;
  env: Record<string, string>;
}

/** A home of its own. Sleeping takes no time, and lets the person of the machine confirm what was shown. */
async function machine(): Promise<Machine> {
  const home = await mkdtemp(join(tmpdir(), "fairlead-login-"));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  let offset = 0;
  const self: Machine = {
    file: join(home, ".config", "fairlead", "credentials.json"),
    asked: [],
    input: "",
    user: "ada",
    env: {},
    advance: (ms) => {
      offset += ms;
    },
    run: async (...argv) => {
      let [out, err, confirmed] = ["", "", false];
      const code = await run(argv, {
        stdout: { write: (text) => (out += text) },
        stderr: { write: (text) => (err += text) },
        line: async () => self.input,
        env: { HOME: home, ...self.env },
        fetch: async (url, init) => {
          self.asked.push({ url, authorization: new Headers(init.headers).get("authorization") });
          return fetch(url, init);
        },
        cwd: home,
        isTTY: false,
        now: () => Date.now() + offset,
        sleep: async (ms) => {
          offset += ms;
          const address = /open (\S+)/.exec(err)?.[1];
          if (address === undefined || self.user === undefined || confirmed) return;
          confirmed = true;
          await confirmDevice(address, self.user);
        },
      });
      return { code, out, err };
    },
  };
  return self;
}

const kept = async (file: string) =>
  JSON.parse(await readFile(file, "utf8")) as {
    current: string;
    servers: Record<string, Record<string, unknown>>;
  };

describe("fairlead login", () => {
  it("by the device flow shows address and code, keeps the sign-in for its owner alone, and is then somebody", async () => {
    const ada = await machine();
    const { code, err } = await ada.run("login", "--server", `${hub.url}/`);
    expect([code, err]).toEqual([0, expect.stringMatching(/check that it shows the code [A-Z]{4}-[A-Z]{4}/)]);
    expect(err).toContain(`signed in to ${hub.url} as user:ada@example.com`);
    expect((await stat(ada.file)).mode & 0o777).toBe(0o600);
    const { current, servers } = await kept(ada.file);
    expect([current, Object.keys(servers), servers[hub.url]?.["issuer"]]).toEqual([
      hub.url,
      [hub.url],
      provider.issuer,
    ]);
    // No server is named any more: the sign-in says it.
    const who = await ada.run("whoami");
    expect(who.out).toContain(`user:ada@example.com at ${hub.url}`);
    expect(who.out).toMatch(/web +write, delete, sync, deploy +sources, apps, clusters, rollouts/);
  });

  it("renews an ID token whose time is up, with the provider alone", async () => {
    const ada = await machine();
    await ada.run("login", "--server", hub.url);
    const before = (await kept(ada.file)).servers[hub.url];
    const tokens = `${provider.issuer}/token`;
    ada.advance(ID_TOKEN_S * 1000);
    ada.asked = [];
    expect((await ada.run("whoami")).code).toBe(0);
    const after = (await kept(ada.file)).servers[hub.url];
    expect(after?.["refreshToken"]).not.toBe(before?.["refreshToken"]);
    expect(ada.asked.map(({ url }) => url)).toContain(tokens);
    const toHub = ada.asked.filter(({ url }) => url.startsWith(hub.url));
    expect(toHub.map(({ authorization }) => authorization)).toEqual([`Bearer ${String(after?.["idToken"])}`]);
  });

  it("says so when the sign-in cannot be renewed, and asks the hub nothing", async () => {
    const ada = await machine();
    await ada.run("login", "--server", hub.url);
    const { servers, ...rest } = await kept(ada.file);
    const login = { ...servers[hub.url], refreshToken: "not-one" };
    await writeFile(ada.file, JSON.stringify({ ...rest, servers: { [hub.url]: login } }));
    ada.advance(ID_TOKEN_S * 1000);
    ada.asked = [];
    const { code, err } = await ada.run("whoami");
    expect([code, err]).toEqual([1, expect.stringContaining(`the sign-in to ${hub.url} is over`)]);
    expect(ada.asked.some(({ url }) => url.startsWith(hub.url))).toBe(false);
  });

  it("ends when nobody confirms the code", async () => {
    const nobody = await machine();
    nobody.user = undefined;
    const { code, err } = await nobody.run("login", "--server", hub.url);
    expect([code, err]).toEqual([1, expect.stringContaining("nobody confirmed the code in time")]);
    await expect(stat(nobody.file)).rejects.toThrow("ENOENT");
  });

  it("tells the way out where people have no provider", async () => {
    const alone = await startPeopleHub();
    onTestFinished(() => alone.stop());
    const { code, err } = await (await machine()).run("login", "--server", alone.url);
    expect([code, err]).toEqual([1, expect.stringContaining("fairlead login --bootstrap")]);
  });
});

describe("fairlead login --bootstrap", () => {
  it("exchanges the one-time token, once, for an admin's token of thirty days", async () => {
    const admin = await machine();
    const { token } = await makeBootstrapToken(hub.db, hub.now());
    admin.input = `${token}\n`;
    const { code, err } = await admin.run("login", "--server", hub.url, "--bootstrap");
    expect([code, err]).toEqual([0, expect.stringContaining("as token:fairlead/first-admin-")]);
    expect(await readFile(admin.file, "utf8")).not.toContain(token);
    expect((await admin.run("token", "list", "--project", "fairlead")).out).toMatch(/first-admin-\w+ +admin/);
    const again = await machine();
    again.input = token;
    hub.writes();
    const second = await again.run("login", "--server", hub.url, "--bootstrap");
    expect([second.code, second.err]).toEqual([
      1,
      expect.stringContaining("is unknown, used, or older than an hour"),
    ]);
    await expect(stat(again.file)).rejects.toThrow("ENOENT");
  });

  it("refuses an empty input without asking", async () => {
    const admin = await machine();
    expect((await admin.run("login", "--server", hub.url, "--bootstrap")).code).toBe(1);
    expect(admin.asked).toEqual([]);
  });
});

describe("fairlead logout", () => {
  it("revokes the token that the sign-in made, and forgets it", async () => {
    const admin = await machine();
    admin.input = (await makeBootstrapToken(hub.db, hub.now())).token;
    await admin.run("login", "--server", hub.url, "--bootstrap");
    const token = String((await kept(admin.file)).servers[hub.url]?.["token"]);
    expect((await admin.run("logout")).err).toBe(`signed out of ${hub.url}\n`);
    expect((await kept(admin.file)).servers).toEqual({});
    const answer = await fetch(`${hub.url}/v1/whoami`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
    expect((await admin.run("logout", "--server", hub.url)).err).toContain("nobody is signed in");
  });
});

describe("which proof goes where", () => {
  it("a kept one to its own server alone; a flag and the environment outweigh it", async () => {
    const other = await startPeopleHub();
    onTestFinished(() => other.stop());
    const ada = await machine();
    await ada.run("login", "--server", hub.url);
    ada.asked = [];
    const { code, err } = await ada.run("whoami", "--server", other.url);
    expect([code, err, ada.asked]).toEqual([
      1,
      expect.stringContaining(`no token is known for ${other.url}`),
      [],
    ]);
    const token = await apiToken(hub.db, { name: "by-flag" });
    expect((await ada.run("whoami", "--token", token)).out).toContain("token:fairlead/by-flag");
    ada.env = { FAIRLEAD_API_TOKEN: await apiToken(hub.db, { name: "by-env" }) };
    expect((await ada.run("whoami")).out).toContain("token:fairlead/by-env");
  });
});

describe("fairlead token", () => {
  it("prints a new token alone and once, lists without it, and revokes it by name", async () => {
    const admin = await machine();
    admin.env = { FAIRLEAD_SERVER: hub.url, FAIRLEAD_API_TOKEN: await apiToken(hub.db) };
    const inWeb = (...argv: string[]) => admin.run("token", ...argv, "--project", "web");
    const made = await inWeb("create", "ci", "--role", "deployer", "--ttl", "30d");
    expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^fl_[0-9a-f]{10}_[\w-]{43}\n$/)]);
    const secret = made.out.trim();
    const ci = await machine();
    ci.env = { FAIRLEAD_SERVER: hub.url, FAIRLEAD_API_TOKEN: secret };
    expect((await ci.run("whoami")).out).toContain("token:web/ci");
    const listed = await inWeb("list");
    expect(listed.out).toMatch(/ci +deployer +\d{4}-\d\d-\d\d +token:fairlead\/test/);
    expect(listed.out).not.toContain(secret.slice(14));
    expect((await inWeb("revoke", "ci")).code).toBe(0);
    expect((await ci.run("whoami")).err).toContain("unknown, revoked, or has expired");
    expect((await inWeb("revoke", "ci")).code).toBe(1);
    expect((await inWeb("create", "ci", "--role", "viewer", "--ttl", "400d")).code).toBe(2);
  });
});
