/**
 * A browser as far as signing in needs one: cookies with SameSite, HttpOnly hosts and expiry, redirects, meta refresh,
 * forms with the Origin that a browser sends. A site is a host name: `localhost` and `127.0.0.1` are two.
 */
const HOPS_MAX = 20;

export interface Page {
  url: URL;
  status: number;
  headers: Headers;
  text: string;
}

interface Cookie {
  value: string;
  sameSite: string;
  attributes: string;
}

interface Visit {
  method?: "GET" | "POST";
  form?: Record<string, string>;
  /** The page that the visit starts from; absent when typed by hand. */
  from?: URL | undefined;
  headers?: Record<string, string>;
}

export interface Browser {
  visit(url: string | URL, how?: Visit): Promise<Page>;
  /** Follows the page's link to a path that starts so. */
  follow(page: Page, href: string): Promise<Page>;
  /** Sends the page's first form with its own fields and these. */
  submit(page: Page, fields?: Record<string, string>): Promise<Page>;
  /** Goes where the page goes by itself; the page where it does not. */
  settle(page: Page): Promise<Page>;
  cookies(host: string): Map<string, Cookie>;
  setCookie(host: string, name: string, value: string): void;
}

export function openBrowser(): Browser {
  const jars = new Map<string, Map<string, Cookie>>();
  // Cookies do not know ports, but two servers of one test must not share a jar by chance of their host alone.
  const jar = (host: string): Map<string, Cookie> => {
    const found = jars.get(host) ?? new Map<string, Cookie>();
    jars.set(host, found);
    return found;
  };
  const visit = async (at: string | URL, how: Visit = {}): Promise<Page> => {
    let url = new URL(at);
    let method = how.method ?? "GET";
    let body = how.form === undefined ? undefined : new URLSearchParams(how.form).toString();
    let foreign = false;
    for (let hop = 0; hop < HOPS_MAX; hop += 1) {
      foreign ||= how.from !== undefined && how.from.hostname !== url.hostname;
      const answer = await fetch(url, {
        method,
        redirect: "manual",
        headers: {
          accept: "text/html",
          cookie: cookiesFor(jar(url.hostname), foreign, method),
          ...(method === "POST" && how.from !== undefined ? { origin: how.from.origin } : {}),
          ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
          ...how.headers,
        },
        ...(body === undefined ? {} : { body }),
      });
      for (const text of answer.headers.getSetCookie()) keep(jar(url.hostname), text);
      const location = answer.headers.get("location");
      if (location === null || answer.status < 300 || answer.status >= 400)
        return { url, status: answer.status, headers: answer.headers, text: await answer.text() };
      await answer.arrayBuffer();
      const next = new URL(location, url);
      foreign ||= next.hostname !== url.hostname;
      if (answer.status !== 307) [method, body] = ["GET", undefined];
      url = next;
    }
    throw new Error(`more than ${HOPS_MAX} redirects, the last to ${url.href}`);
  };
  return {
    visit,
    follow: (page, href) => {
      const found = [...page.text.matchAll(/href="([^"]+)"/g)].find(([, one]) => one?.startsWith(href));
      if (found === undefined) throw new Error(`no link to ${href} on ${page.url.href}`);
      return visit(new URL(unescape(found[1] ?? ""), page.url), { from: page.url });
    },
    submit: (page, fields = {}) => {
      const form = formOf(page);
      return visit(form.action, { method: "POST", form: { ...form.fields, ...fields }, from: page.url });
    },
    settle: async (page) => {
      const to = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(page.text)?.[1];
      return to === undefined ? page : visit(new URL(unescape(to), page.url), { from: page.url });
    },
    cookies: jar,
    setCookie: (host, name, value) => void jar(host).set(name, { value, sameSite: "lax", attributes: "" }),
  };
}

function cookiesFor(jar: Map<string, Cookie>, foreign: boolean, method: string): string {
  const sent = [...jar].filter(
    ([, { sameSite }]) => !foreign || sameSite === "none" || (sameSite === "lax" && method === "GET"),
  );
  return sent.map(([name, { value }]) => `${name}=${value}`).join("; ");
}

function keep(jar: Map<string, Cookie>, text: string): void {
  const [pair = "", ...rest] = text.split(";");
  const attributes = rest.join(";");
  const name = pair.slice(0, pair.indexOf("=")).trim();
  const expires = /expires=([^;]+)/i.exec(attributes)?.[1];
  const gone = /max-age=0/i.test(attributes) || (expires !== undefined && Date.parse(expires) < Date.now());
  if (gone) return void jar.delete(name);
  const sameSite = (/samesite=(\w+)/i.exec(attributes)?.[1] ?? "lax").toLowerCase();
  jar.set(name, { value: pair.slice(pair.indexOf("=") + 1), sameSite, attributes });
}

function formOf(page: Page): { action: URL; fields: Record<string, string> } {
  const [form, attributes = ""] = /<form([^>]*)>[\s\S]*?<\/form>/.exec(page.text) ?? [];
  if (form === undefined) throw new Error(`no form on ${page.url.href}: ${page.text.slice(0, 300)}`);
  const action = /action="([^"]*)"/.exec(attributes)?.[1] ?? "";
  const fields = [...form.matchAll(/<input([^>]*)>/g)].flatMap(([, input = ""]) => {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    const value = /value="([^"]*)"/.exec(input)?.[1];
    return name === undefined || value === undefined ? [] : [[name, unescape(value)] as const];
  });
  return { action: new URL(unescape(action), page.url), fields: Object.fromEntries(fields) };
}

function unescape(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
}
