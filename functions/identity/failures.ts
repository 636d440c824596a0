/**
 * Bounds guessing: so many different wrong proofs from one address in a minute, then none is looked at until the minute
 * is over. The same wrong proof again counts once, so one job with an old token does not lock its whole network out.
 * In memory, for each instance: approximate by design.
 */
import ipaddr from "ipaddr.js";
import { sha256 } from "#core/digest.ts";

export const WRONG_PROOFS_MAX = 100;
const WINDOW_MS = 60_000;
const ADDRESSES_MAX = 2000;
/** Enough of a digest to tell proofs apart. */
const MARK_CHARS = 12;

interface Window {
  since: number;
  wrong: Set<string>;
}

export interface Failures {
  /** Milliseconds until this address is heard again; 0 when it is heard now. */
  waitMs(address: string | undefined): number;
  add(address: string | undefined, proof: string): void;
}

export function countFailures(now: () => number): Failures {
  const windows = new Map<string, Window>();
  const current = (network: string): Window | undefined => {
    const found = windows.get(network);
    return found !== undefined && now() - found.since < WINDOW_MS ? found : undefined;
  };
  return {
    waitMs(address) {
      const window = current(networkOf(address));
      if (window === undefined || window.wrong.size < WRONG_PROOFS_MAX) return 0;
      return window.since + WINDOW_MS - now();
    },
    add(address, proof) {
      const network = networkOf(address);
      const window = current(network) ?? { since: now(), wrong: new Set<string>() };
      if (window.wrong.size < WRONG_PROOFS_MAX) window.wrong.add(sha256(proof).slice(0, MARK_CHARS));
      // Renewed as the newest, so the oldest is what is forgotten.
      windows.delete(network);
      windows.set(network, window);
      if (windows.size > ADDRESSES_MAX) windows.delete(windows.keys().next().value ?? "");
    },
  };
}

/** One household of IPv6 has 2^64 addresses: it counts as one. */
function networkOf(address: string | undefined): string {
  if (address === undefined || !ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return Buffer.from(parsed.toByteArray().slice(0, 8)).toString("hex");
}
