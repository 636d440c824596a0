/**
 * The one client for everything that leaves the hub: Git, OIDC, GitHub Apps and whatever comes. A name is resolved once
 * for each connection, every address it has is checked, and the socket gets exactly these addresses, so an answer of the
 * DNS that changes afterwards changes nothing. Redirects are handed back, so each hop passes the guard again.
 */
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { callbackify } from "node:util";
import { Agent, fetch as undiciFetch, type RequestInit as UndiciRequestInit } from "undici";
import { type Allowed, checkAddresses, hostOf } from "./address.ts";
import type { Outbound, OutboundFetch } from "./port.ts";
import { OutboundRefused } from "./refused.ts";

export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export interface OutboundLimits {
  readonly connectMsMax: number;
  readonly headersMsMax: number;
  /** Between two pieces of a body. */
  readonly bodyPauseMsMax: number;
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

/** `close` ends idle and running connections. */
export function createOutbound(options: OutboundOptions): Outbound & { close(): Promise<void> } {
  const limits = { ...OUTBOUND_LIMITS, ...options.limits };
  const make = (isPrivate: boolean) => {
    const allowed: Allowed = { private: isPrivate, loopback: options.allowLoopback };
    return { allowed, agent: agentFor(allowed, options.resolve ?? systemResolve, limits) };
  };
  // Two pools: a connection that one Project's egress opened is never used for another Project.
  const [open, guarded] = [make(true), make(false)];
  return {
    to: (hosts) => {
      const egress = new Set(hosts.map(hostOf));
      return async (url, init) => {
        const target = checkUrl(url);
        const host = hostOf(target.hostname);
        const { agent, allowed } = egress.has(host) ? open : guarded;
        // A literal is never looked up, so it is checked here.
        if (isIP(host) !== 0) checkAddresses(host, [host], allowed);
        return send(agent, target, init, limits.requestMsMax);
      };
    },
    close: async () => {
      await Promise.all([open.agent.destroy(), guarded.agent.destroy()]);
    },
  };
}

function agentFor(allowed: Allowed, resolve: Resolve, limits: OutboundLimits): Agent {
  return new Agent({
    allowH2: false,
    headersTimeout: limits.headersMsMax,
    bodyTimeout: limits.bodyPauseMsMax,
    connect: { timeout: limits.connectMsMax, lookup: guardedLookup(allowed, resolve) },
  });
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

async function send(agent: Agent, url: URL, init: RequestInit, msMax: number): ReturnType<OutboundFetch> {
  const time = AbortSignal.timeout(msMax);
  const signal = init.signal == null ? time : AbortSignal.any([init.signal, time]);
  const headers = new Headers(init.headers);
  if (!headers.has("user-agent")) headers.set("user-agent", USER_AGENT);
  try {
    // Two declarations of one standard: undici's own and the platform's.
    const own = { ...init, headers: [...headers], signal, redirect: "manual", dispatcher: agent };
    return await undiciFetch(url, own as UndiciRequestInit);
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
