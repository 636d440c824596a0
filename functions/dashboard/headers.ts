/** What every page of the hub tells the browser: nothing from elsewhere, no script, no frame. */
import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";

/**
 * Forms go to this hub alone, where there are any; and then `same-origin`, because under `no-referrer` a browser says
 * `Origin: null` for a form, and the check of the origin would refuse our own.
 */
export function pageHeaders({ hasForms }: { hasForms: boolean }): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: [hasForms ? "'self'" : "'none'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    referrerPolicy: hasForms ? "same-origin" : "no-referrer",
    // The local hub speaks plain HTTP on loopback; elsewhere the gateway in front says this.
    strictTransportSecurity: false,
  });
}
