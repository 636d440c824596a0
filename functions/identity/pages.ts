/**
 * The few pages round signing in and out: plain HTML with forms to this hub alone, no script, nothing from elsewhere.
 * All text passes `html`, which escapes it.
 */
import { html } from "hono/html";
import { sentence } from "#core/text.ts";

type Html = ReturnType<typeof html>;

interface Shell {
  title: string;
  /** Goes on to the fleet by itself. */
  goesOn?: boolean;
}

function shell({ title, goesOn = false }: Shell, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${goesOn ? html`<meta http-equiv="refresh" content="0; url=/" />` : ""}
        <title>${title} · Fairlead</title>
        <link rel="icon" href="/static/icon.svg" />
        <link rel="stylesheet" href="/static/style.css" />
      </head>
      <body>
        <header>
          <p class="brand"><img src="/static/icon.svg" alt="" width="28" height="28" /> Fairlead</p>
          <h1>${title}</h1>
        </header>
        <main>${body}</main>
      </body>
    </html>`;
}

/** `provider` is the host of people's identity provider; absent where none is configured. */
export function loginPage(provider: string | undefined): Html {
  const byProvider =
    provider === undefined
      ? ""
      : html`<p><a class="button" href="/login/start">Sign in with ${provider}</a></p>`;
  return shell(
    { title: "Sign in" },
    html`<section class="sign-in">
      ${byProvider}
      <form method="post" action="/login/token">
        <p>
          <label for="token">API token, or the one-time token that the hub printed</label>
          <input id="token" name="token" type="password" autocomplete="off" required maxlength="300" />
          <button>Sign in</button>
        </p>
      </form>
    </section>`,
  );
}

/** Following a link changes nothing: the button does. */
export function bootstrapPage(token: string): Html {
  return shell(
    { title: "Sign in as the first admin" },
    html`<section class="sign-in">
      <p>This link works once. The session that it opens may do everything, and ends after twelve hours.</p>
      <form method="post" action="/login/token">
        <input type="hidden" name="token" value="${token}" />
        <p><button>Sign in</button></p>
      </form>
    </section>`,
  );
}

/**
 * The way back from the provider is not this site's own, so the browser would not send the new cookie with a redirect;
 * from this page it does.
 */
export function signedInPage(): Html {
  return shell({ title: "Signed in", goesOn: true }, html`<p><a href="/">Go on to the fleet</a></p>`);
}

export function refusedPage(why: string): Html {
  return shell(
    { title: "Not signed in" },
    html`<section>
      <p>${sentence(why)}</p>
      <p><a href="/login">Sign in again</a></p>
    </section>`,
  );
}

export function logoutPage(): Html {
  return shell(
    { title: "Sign out" },
    html`<form class="sign-in" method="post" action="/logout">
      <p><button>Sign out of this hub</button></p>
    </form>`,
  );
}
