/** The flow below HTTP, where an attacker who could change what the hub sends to the provider still gains nothing. */
import { afterAll, beforeAll, expect, describe, it } from "vitest";
import { createLoginFlow, type LoginFlow } from "../../../functions/identity/login-flow.ts";
import { createProver } from "../../../functions/identity/prove.ts";
import { createOutbound } from "../../../functions/outbound/client.ts";
import type { Outbound } from "../../../functions/outbound/port.ts";
import { openBrowser } from "../../support/browser.ts";
import { signIn, startProvider, type TestProvider } from "../../support/oidc-provider.ts";
import { startPeopleHub, type PeopleHub } from "../../support/people-hub.ts";

let hub: PeopleHub;
let provider: TestProvider;
let real: ReturnType<typeof createOutbound>;
/** What goes to the token endpoint instead of what the hub sent. */
let changed: ((body: URLSearchParams) => URLSearchParams) | undefined;
let sent: URLSearchParams[] = [];

beforeAll(async () => {
  hub = await startPeopleHub();
  provider = await startProvider({ redirectUris: [`${hub.url}/login/callback`] });
  hub.configure(provider);
  real = createOutbound({ allowLoopback: true });
}, 120_000);
afterAll(async () => {
  await real?.close();
  await provider?.stop();
  await hub?.stop();
});

const outbound: Outbound = {
  to: (hosts) => async (url, init) => {
    if (!url.endsWith("/token")) return real.to(hosts)(url, init);
    const body = new URLSearchParams(await new Response(init.body).text());
    sent.push(body);
    return real.to(hosts)(url, { ...init, body: (changed?.(body) ?? body).toString() });
  },
};

function flow(): LoginFlow {
  const deps = { db: hub.db, now: hub.now, log: () => undefined, outbound, hubUrl: hub.url, oidc: provider };
  return createLoginFlow(deps, provider, createProver(deps));
}

/** Started here and confirmed at the provider; the hub's own callback refuses, so the code is unused. */
async function started(user: string) {
  const { url, cookie } = await flow().start(hub.url);
  const browser = openBrowser();
  const back = await signIn(browser, await browser.visit(url), user);
  expect(back.url.pathname).toBe("/login/callback");
  return { cookie, returned: back.url };
}

describe("createLoginFlow", () => {
  it("finishes what it started, once", async () => {
    const { cookie, returned } = await started("ada");
    expect(await flow().finish(returned, cookie)).toMatchObject({
      kind: "person",
      actor: { kind: "user", user: "ada@example.com", issuer: provider.issuer },
    });
    expect(await flow().finish(returned, cookie)).toMatchObject({ kind: "refused" });
  });

  it("refuses an ID token with the nonce of another start, even where code and verifier are that one's", async () => {
    const [ada, eve] = [await started("ada"), await started("eve")];
    sent = [];
    changed = (body) => {
      body.set("code", "none");
      return body;
    };
    await flow().finish(ada.returned, ada.cookie);
    const verifier = sent[0]?.get("code_verifier") ?? "";
    // Ada's code with Ada's verifier, in the exchange that Eve's browser began.
    changed = (body) => {
      body.set("code", ada.returned.searchParams.get("code") ?? "");
      body.set("code_verifier", verifier);
      return body;
    };
    const finished = await flow().finish(eve.returned, eve.cookie);
    changed = undefined;
    expect(finished).toEqual({
      kind: "refused",
      message: "what came back does not belong to what was started",
    });
  });

  it("sends the provider neither cookie nor verifier before the exchange", async () => {
    const { url, cookie } = await flow().start(hub.url);
    const { returned, cookie: own } = await started("ada");
    sent = [];
    await flow().finish(returned, own);
    const verifier = sent[0]?.get("code_verifier") ?? "-";
    expect([url.includes(cookie.split(".")[1] ?? "-"), url.includes(verifier)]).toEqual([false, false]);
    expect(verifier).toMatch(/^[\w-]{43}$/);
  });

  it("refuses a cookie whose time was changed: everything else is derived from it", async () => {
    const { cookie, returned } = await started("ada");
    const [, random] = cookie.split(".");
    expect(await flow().finish(returned, `${hub.now() + 1}.${random}`)).toMatchObject({ kind: "refused" });
    expect(await flow().finish(returned, `${hub.now() - 1}.${random}`)).toMatchObject({ kind: "refused" });
    for (const broken of ["", ".", "x.y", `${hub.now()}`, "Infinity.a"])
      expect(await flow().finish(returned, broken)).toMatchObject({ kind: "refused" });
    expect(await flow().finish(returned, cookie)).toMatchObject({ kind: "person" });
  });
});
