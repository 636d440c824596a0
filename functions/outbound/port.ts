/** The shape of everything that leaves the hub: `fetch` without the ways round the guard of `client.ts`. */

/** Redirects are never followed by it: who calls decides on each one. Throws `OutboundRefused` for what it may not reach. */
export type OutboundFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Outbound {
  /**
   * Private addresses are refused but for `hosts` (a Project's `egress`): the host of the URL, as it is written there.
   * Loopback, link-local and metadata addresses are not opened by them.
   */
  to(hosts: readonly string[]): OutboundFetch;
}
