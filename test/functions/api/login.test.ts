/** Signing in by browser against a real provider, over real sockets: what opens a session, what ends it, what never does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type Browser, type Page } from "../../support/browser.ts";
import { signIn, startProvider, type TestProvider } from "../../support/oidc-provider.ts";
import { startPeopleHub, type PeopleHub } from "../../support/people-hub.ts";

const HOST = "127.0.0.1";
const HOUR_MS = 3_600_000;
let hub: PeopleHub;
let provider: TestProvider;

beforeAll(async () => {
  hub = await startPeopleHub();
  provider = await startProvider({
    redirectUris: [`${hub.url}/login/callback`],
    groups: { ada: ["platform"] },
    unverified: ["mallory"],
  });
  hub.configure(provider);
  await hub.project("web", [
    { role: "admin", members: [{ user: "ada@example.com" }] },
    { role: "viewer", members: [{ group: "platform" }] },
  ]);
}, 120_000);
afterAll(async () => {
  await provider?.stop();
  await hub?.stop();
});

/** From the hub's first page to the provider's form. */
async function toProvider(browser: Browser): Promise<Page> {
  const first = await browser.visit(`${hub.url}/`);
  expect(first.url.pathname).toBe("/login");
  return browser.follow(first, "/login/start");
}

async function signedIn(user: string): Promise<Browser> {
  const browser = openBrowser();
  const back = await signIn(browser, await toProvider(browser), user);
  expect([back.url.pathname, back.status]).toEqual(["/login/callback", 200]);
  return browser;
}

const api = (browser: Browser, path: string, init: RequestInit = {}): Promise<Response> => {
  const cookie = [...browser.cookies(HOST)].map(([name, { value }]) => `${name}=${value}`).join("; ");
  return fetch(`${hub.url}${path}`, { ...init, headers: { cookie, ...(init.headers as object) } });
};

/** A refusal of this kind, and no write in the table. */
async function refused(request: () => Promise<Response>, status: number): Promise<string> {
  hub.writes();
  const answer = await request();
  const text = await answer.text();
  expect([answer.status, hub.writes()]).toEqual([status, []]);
  return text;
}

describe("signing in by browser", () => {
  it("ends on the fleet's page with a session of that person, and leaves no other cookie", async () => {
    const browser = openBrowser();
    const back = await signIn(browser, await toProvider(browser), "ada");
    const { value, attributes } = browser.cookies(HOST).get("fairlead") ?? { value: "", attributes: "" };
    expect(value).toMatch(/^[\w-]{43}$/);
    expect(attributes).toMatch(/HttpOnly/);
    expect(attributes).toMatch(/SameSite=Strict/);
    expect([...browser.cookies(HOST).keys()]).toEqual(["fairlead"]);
    const fleet = await browser.settle(back);
    expect(fleet.url.href).toBe(`${hub.url}/`);
    const who = (await (await api(browser, "/v1/whoami")).json()) as object;
    expect(who).toMatchObject({
      actor: "user:ada@example.com",
      projects: [{ project: "web", rules: [{ verbs: ["*"], nouns: ["*"] }, { verbs: ["read"] }] }],
    });
  });

  it("takes an address that is not verified for nobody's: the subject stands instead", async () => {
    const browser = await signedIn("mallory");
    expect(await (await api(browser, "/v1/whoami")).json()).toMatchObject({
      actor: "user:mallory",
      projects: [],
    });
  });

  it("asks the provider with PKCE, state and nonce, and for its own callback alone", async () => {
    const browser = openBrowser();
    await browser.visit(`${hub.url}/login`);
    const answer = await fetch(
      `${hub.url}/login/start?next=https://evil.example&redirect_uri=https://evil.example`,
      {
        redirect: "manual",
      },
    );
    const to = new URL(answer.headers.get("location") ?? "");
    expect(to.origin).toBe(provider.issuer);
    expect(Object.fromEntries(to.searchParams)).toMatchObject({
      redirect_uri: `${hub.url}/login/callback`,
      code_challenge_method: "S256",
      response_type: "code",
    });
    for (const name of ["state", "nonce", "code_challenge"])
      expect(to.searchParams.get(name)).toMatch(/^[\w-]{43}$/);
    expect(answer.headers.get("set-cookie")).toMatch(/Max-Age=600.*HttpOnly.*SameSite=Lax/);
    expect(to.href).not.toContain("evil");
  });
});

/** The callback's URL as the provider made it, not yet visited. */
async function callbackOf(browser: Browser, user: string): Promise<string> {
  const cookie = () => browser.cookies(HOST).get("fairlead-login")?.value ?? "";
  const form = await toProvider(browser);
  const kept = cookie();
  // The hub's cookie is put aside, so that its callback refuses and the code stays unused.
  browser.cookies(HOST).delete("fairlead-login");
  const back = await signIn(browser, form, user);
  expect([back.url.pathname, back.status]).toEqual(["/login/callback", 401]);
  browser.setCookie(HOST, "fairlead-login", kept);
  return back.url.href;
}

describe("a callback", () => {
  it("without the cookie of its start is refused, in whatever browser", async () => {
    const browser = openBrowser();
    const callback = await callbackOf(browser, "ada");
    const other = openBrowser();
    expect((await refused(() => fetch(callback), 401)).includes("not started in this browser")).toBe(true);
    await toProvider(other);
    const page = await other.visit(callback);
    expect([page.status, other.cookies(HOST).has("fairlead")]).toEqual([401, false]);
    // And it still counts for the browser that it belongs to.
    expect((await browser.visit(callback)).status).toBe(200);
  });

  it("with another state, or none, never reaches the provider", async () => {
    const browser = openBrowser();
    const callback = new URL(await callbackOf(browser, "ada"));
    const kept = browser.cookies(HOST).get("fairlead-login")?.value ?? "";
    for (const state of ["x".repeat(43), ""]) {
      const wrong = new URL(callback);
      wrong.searchParams.set("state", state);
      browser.setCookie(HOST, "fairlead-login", kept);
      hub.writes();
      expect([(await browser.visit(wrong)).status, hub.writes()]).toEqual([401, []]);
    }
    browser.setCookie(HOST, "fairlead-login", kept);
    expect((await browser.visit(callback)).status).toBe(200);
  });

  it("with a code that was used is refused by the provider, and told so", async () => {
    const browser = openBrowser();
    const callback = await callbackOf(browser, "ada");
    const kept = browser.cookies(HOST).get("fairlead-login")?.value ?? "";
    expect((await browser.visit(callback)).status).toBe(200);
    browser.cookies(HOST).clear();
    browser.setCookie(HOST, "fairlead-login", kept);
    const again = await browser.visit(callback);
    expect([again.status, again.text.includes("invalid_grant")]).toEqual([401, true]);
    expect(browser.cookies(HOST).has("fairlead")).toBe(false);
  });

  it("with a code of another start is refused: nonce and verifier are of this one", async () => {
    const [ada, eve] = [openBrowser(), openBrowser()];
    const [adas, eves] = [new URL(await callbackOf(ada, "ada")), new URL(await callbackOf(eve, "eve"))];
    // Eve's browser, its own state, Ada's code.
    eves.searchParams.set("code", adas.searchParams.get("code") ?? "");
    const page = await eve.visit(eves);
    expect([page.status, eve.cookies(HOST).has("fairlead")]).toEqual([401, false]);
  });

  it("after ten minutes is too late", async () => {
    const browser = openBrowser();
    const callback = await callbackOf(browser, "ada");
    hub.advance(10 * 60_000);
    const page = await browser.visit(callback);
    hub.advance(-10 * 60_000);
    expect([page.status, page.text.includes("too long ago")]).toEqual([401, true]);
  });

  it("that brings the provider's refusal shows it, escaped", async () => {
    const start = await fetch(`${hub.url}/login/start`, { redirect: "manual" });
    const [name = "", value = ""] = (start.headers.get("set-cookie") ?? "").split(";")[0]?.split("=") ?? [];
    const browser = openBrowser();
    browser.setCookie(HOST, name, value);
    const back = new URL(`${hub.url}/login/callback?error=<script>alert(1)</script>`);
    back.searchParams.set(
      "state",
      new URL(start.headers.get("location") ?? "").searchParams.get("state") ?? "",
    );
    back.searchParams.set("iss", provider.issuer);
    const page = await browser.visit(back);
    expect([page.status, page.text.includes("<script>")]).toEqual([401, false]);
    expect(page.text).toContain("the provider says &lt;script&gt;");
  });
});

describe("a session", () => {
  it("writes from this hub's own pages alone, and only JSON", async () => {
    const browser = await signedIn("ada");
    const write = (headers: Record<string, string>) => () =>
      api(browser, "/v1/projects/web/tokens", {
        method: "POST",
        headers,
        body: JSON.stringify({ name: "made", role: "viewer" }),
      });
    const json = { "content-type": "application/json" };
    for (const origin of ["https://evil.example", "null", hub.url.replace(HOST, "localhost"), `${hub.url}0`])
      await refused(write({ ...json, origin }), 403);
    await refused(write(json), 403);
    await refused(write({ "content-type": "text/plain", origin: hub.url }), 415);
    expect((await write({ ...json, origin: hub.url })()).status).toBe(201);
    await refused(() => api(browser, "/v1/projects/web/tokens/0", { method: "DELETE" }), 403);
  });

  it("is not sent by a browser that comes from another site", async () => {
    const browser = await signedIn("ada");
    const led = await browser.visit(`${hub.url}/`, { from: new URL("https://evil.example/") });
    expect(led.url.pathname).toBe("/login");
    expect((await browser.visit(`${hub.url}/`)).url.pathname).toBe("/");
  });

  it("ends after twelve hours", async () => {
    const browser = await signedIn("ada");
    hub.advance(12 * HOUR_MS - 60_000);
    expect((await api(browser, "/v1/whoami")).status).toBe(200);
    hub.advance(60_000);
    const text = await refused(() => api(browser, "/v1/whoami"), 401);
    hub.advance(-12 * HOUR_MS);
    expect(text).toContain("the session is over");
  });

  it("ends for good with a logout, which a foreign page cannot make", async () => {
    const browser = await signedIn("ada");
    const { value } = browser.cookies(HOST).get("fairlead") ?? { value: "" };
    const page = await browser.visit(`${hub.url}/logout`);
    await refused(
      () => api(browser, "/logout", { method: "POST", headers: { origin: "https://evil.example" } }),
      403,
    );
    expect((await api(browser, "/v1/whoami")).status).toBe(200);
    expect((await browser.submit(page)).url.pathname).toBe("/login");
    expect(browser.cookies(HOST).has("fairlead")).toBe(false);
    browser.setCookie(HOST, "fairlead", value);
    await refused(() => api(browser, "/v1/whoami"), 401);
  });

  it("of a person loses a role as soon as the Project does", async () => {
    const browser = await signedIn("bob");
    expect((await api(browser, "/v1/projects/late/sources")).status).toBe(403);
    await hub.project("late", [{ role: "viewer", members: [{ user: "bob@example.com" }] }]);
    expect((await api(browser, "/v1/projects/late/sources")).status).toBe(200);
    await hub.project("late", []);
    expect((await api(browser, "/v1/projects/late/sources")).status).toBe(403);
  });
});

describe("the pages of signing in", () => {
  it("run no script, frame nowhere, send forms to this hub alone, and say their origin to it", async () => {
    for (const path of ["/login", "/logout", "/login/callback"]) {
      const { headers } = await fetch(`${hub.url}${path}`);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      );
      expect(headers.get("referrer-policy")).toBe("same-origin");
      expect(headers.get("cache-control")).toBe("no-store");
    }
    expect((await fetch(`${hub.url}/static/style.css`)).status).toBe(200);
  });

  it("lead nowhere else, whatever a link says", async () => {
    for (const query of [
      "?next=https://evil.example",
      "?return_to=//evil.example",
      "?bootstrap=https://evil.example",
    ]) {
      const page = await (await fetch(`${hub.url}/login${query}`)).text();
      expect(page).not.toContain("evil.example");
    }
  });

  it("say that the provider is away, and try again when it is back", async () => {
    const away = await startProvider();
    await away.stop();
    hub.configure(away);
    const answer = await fetch(`${hub.url}/login/start`, { redirect: "manual" });
    expect([answer.status, (await answer.text()).includes("does not answer")]).toEqual([503, true]);
    expect(hub.logged.some(({ message }) => message === "people's identity provider does not answer")).toBe(
      true,
    );
    hub.configure(provider);
    expect((await fetch(`${hub.url}/login/start`, { redirect: "manual" })).status).toBe(303);
  });
});
