/**
 * People's identity provider for tests: the real `oidc-provider` library with PKCE, device flow and refresh tokens, and
 * its own development pages for signing in. Whoever signs in as `ada` is ada@example.com, in the groups that are told.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";
import { openBrowser, type Browser, type Page } from "./browser.ts";

export interface ProviderOptions {
  /** Where the hub's own callback is. */
  redirectUris?: readonly string[];
  groups?: Readonly<Record<string, readonly string[]>>;
  /** Whose e-mail address is not verified. */
  unverified?: readonly string[];
  idTokenSeconds?: number;
}

export interface TestProvider {
  issuer: string;
  clientId: string;
  clientSecret: string;
  cliClientId: string;
  stop(): Promise<void>;
}

const CLIENT = { id: "fairlead-hub", secret: "a-secret-of-the-hub" };
const CLI_CLIENT = "fairlead-cli";

/** The library's own pages, without the console's advice to change them. */
const DEVICE_PAGES = {
  userCodeConfirmSource: async (context: { body: unknown }, form: string) => {
    context.body = form;
  },
  successSource: async (context: { body: unknown }) => {
    context.body = "<p>signed in</p>";
  },
};

/** On `localhost`, which is another site than a hub on 127.0.0.1. */
export async function startProvider(options: ProviderOptions = {}): Promise<TestProvider> {
  const server = createServer();
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  const provider = await makeProvider(issuer, options);
  const answer = provider.callback();
  server.on("request", (request, response) => void answer(request, response));
  return {
    issuer,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    cliClientId: CLI_CLIENT,
    stop: () => close(server),
  };
}

async function makeProvider(issuer: string, options: ProviderOptions): Promise<Provider> {
  const idTokenSeconds = options.idTokenSeconds ?? 600;
  return quietly(
    async () =>
      new Provider(issuer, {
        clients: [
          {
            client_id: CLIENT.id,
            client_secret: CLIENT.secret,
            redirect_uris: [...(options.redirectUris ?? [])],
            grant_types: ["authorization_code", "refresh_token"],
          },
          {
            client_id: CLI_CLIENT,
            token_endpoint_auth_method: "none",
            application_type: "native",
            redirect_uris: [],
            response_types: [],
            grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
          },
        ],
        jwks: { keys: [await signingKey()] },
        cookies: { keys: ["a key of the test"] },
        features: { deviceFlow: { enabled: true, ...DEVICE_PAGES } },
        pkce: { required: () => true },
        scopes: ["openid", "offline_access", "profile", "email"],
        claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["groups"] },
        // What scopes ask for stands in the ID token itself, as most providers do it.
        conformIdTokenClaims: false,
        ttl: {
          IdToken: idTokenSeconds,
          AccessToken: 600,
          DeviceCode: 600,
          Grant: 600,
          Interaction: 600,
          Session: 600,
          RefreshToken: 600,
        },
        findAccount: (_, id) => ({
          accountId: id,
          claims: () => ({
            sub: id,
            email: `${id}@example.com`,
            email_verified: !(options.unverified ?? []).includes(id),
            groups: [...(options.groups?.[id] ?? [])],
          }),
        }),
      }),
  );
}

async function signingKey() {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: "test", use: "sig", alg: "RS256" };
}

/** The library names on the console what a production setup would change. */
async function quietly<T>(make: () => Promise<T>): Promise<T> {
  const { info, warn } = console;
  [console.info, console.warn] = [() => undefined, () => undefined];
  try {
    return await make();
  } finally {
    [console.info, console.warn] = [info, warn];
  }
}

/** Signs in as `user` on the provider's pages and consents, until a page of another host, or one without a form, comes. */
export async function signIn(browser: Browser, page: Page, user: string): Promise<Page> {
  const { host } = page.url;
  let at = page;
  for (let step = 0; step < 8 && at.url.host === host && at.text.includes("<form"); step += 1)
    at = await browser.submit(at, at.text.includes('name="login"') ? { login: user, password: "any" } : {});
  return at;
}

/** What a person does with the address that the CLI shows. */
export async function confirmDevice(address: string, user: string): Promise<Page> {
  const browser = openBrowser();
  return signIn(browser, await browser.visit(address), user);
}

function close(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}
