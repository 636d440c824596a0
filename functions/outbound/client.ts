/**
 * The one client for everything that leaves the hub: Git, OIDC, GitHub Apps and whatever comes. A name is resolved once
 * for each connection, every address it has is checked, and the socket gets exactly these addresses, so an answer of the
 * DNS that changes afterwards changes nothing. Redirects are handed back, so each hop passes the guard again.
 */
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { callbackify } from "node:util";
import { type Allowed, checkAddresses, hostOf } from "./address.ts";
import type { Outbound, OutboundFetch } from "./port.ts";
import { OutboundRefused } from "./refused.ts";
import { sendRequest, type RequestLimits } from "./request.ts";

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export interface OutboundLimits extends RequestLimits {
  /** From the request to the last byte of its answer. */
  readonly requestMsMax: number;
}

export interface OutboundOptions {
  /** True only where the hub itself answers on loopback alone. */
  readonly allowLoopback: boolean;
  /** The system's resolver if absent. */
  readonly resolve?: Resolve;
  readonly limits?: Partial<OutboundLimits>;
}

export const OUTBOUND_LIMITS: OutboundLimits = {
  connectMsMax: 10_000,
  headersMsMax: 60_000,
  bodyPauseMsMax: 30_000,
  requestMsMax: 5 * 60_000,
};
const USER_AGENT = "fairlead";
const IDLE_MS_MAX = 4_000;

/** `close` ends idle and running connections. */
export function createOutbound(options: OutboundOptions): Outbound & { close(): Promise<void> } {
  const limits = { ...OUTBOUND_LIMITS, ...options.limits };
  const make = (isPrivate: boolean) => {
    const allowed: Allowed = { private: isPrivate, loopback: options.allowLoopback };
    return { allowed, agents: agentsFor(allowed, options.resolve ?? systemResolve) };
  };
  // Two pools: a connection that one Project's egress opened is never used for another Project.
  const [open, guarded] = [make(true), make(false)];
  return {
    to: (hosts) => {
      const egress = new Set(hosts.map(hostOf));
      return async (url, init) => {
        const target = checkUrl(url);
        const host = hostOf(target.hostname);
        const { agents, allowed } = egress.has(host) ? open : guarded;
        // A literal is never looked up, so it is checked here.
        if (isIP(host) !== 0) checkAddresses(host, [host], allowed);
        return send(target, {
          ...init,
          agent: agents[target.protocol === "https:" ? "https" : "http"],
          limits,
        });
      };
    },
    close: async () => {
      for (const { agents } of [open, guarded]) for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

function agentsFor(allowed: Allowed, resolve: Resolve): { http: HttpAgent; https: HttpsAgent } {
  const options = { keepAlive: true, timeout: IDLE_MS_MAX, lookup: guardedLookup(allowed, resolve) };
  return { http: new HttpAgent(options), https: new HttpsAgent(options) };
}

const systemResolve: Resolve = (host) => lookup(host, { all: true, verbatim: true });

function guardedLookup(allowed: Allowed, resolve: Resolve): LookupFunction {
  const checked = callbackify(async (host: string): Promise<LookupAddress[]> => {
    const found = [...(await resolve(host))];
    if (found.length === 0) throw new OutboundRefused(`The name ${host} has no address`);
    const addresses = found.map(({ address }) => address);
    checkAddresses(hostOf(host), addresses, allowed);
    return found;
  });
  return (host, { all }, callback) => {
    checked(host, (error, found) => {
      if (error !== null) callback(error, []);
      else if (all === true) callback(null, found);
      else callback(null, found[0]?.address ?? "", found[0]?.family);
    });
  };
}

function checkUrl(url: string): URL {
  const target = URL.parse(url);
  if (target === null || !["https:", "http:"].includes(target.protocol))
    throw new OutboundRefused("The hub speaks http and https only; give such an address");
  if (target.username !== "" || target.password !== "")
    throw new OutboundRefused(
      `The address at ${target.host} carries credentials; keep them under a name (fairlead credentials set)`,
    );
  return target;
}

async function send(
  url: URL,
  { agent, limits, ...init }: RequestInit & { agent: HttpAgent; limits: OutboundLimits },
): ReturnType<OutboundFetch> {
  const time = AbortSignal.timeout(limits.requestMsMax);
  const signal = init.signal == null ? time : AbortSignal.any([init.signal, time]);
  const headers = new Headers(init.headers);
  if (!headers.has("user-agent")) headers.set("user-agent", USER_AGENT);
  try {
    return await sendRequest({ agent, url, init: { ...init, headers }, signal, limits });
  } catch (error) {
    throw refusalIn(error) ?? error;
  }
}

/** `fetch` hides what its connection threw in a chain of causes. */
function refusalIn(error: unknown): OutboundRefused | undefined {
  let at = error;
  while (at instanceof Error && !(at instanceof OutboundRefused)) at = at.cause;
  return at instanceof OutboundRefused ? at : undefined;
}
