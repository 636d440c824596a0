/**
 * Which network an address belongs to, and who may speak to it. Pure; every spelling of an address (IPv4 in IPv6, odd
 * numbers) is brought to one form first. What is not known to be public is never taken for it.
 */
import ipaddr from "ipaddr.js";
import { assertNever } from "#core/assert.ts";
import { OutboundRefused } from "./refused.ts";

export interface Allowed {
  /** Private networks: the Project names the host in `spec.egress`. */
  readonly private: boolean;
  /** This machine: only the local hub. */
  readonly loopback: boolean;
}

type Network =
  | { readonly kind: "public" }
  | { readonly kind: "private" }
  | { readonly kind: "loopback" }
  /** Opened by nothing; `what` says why. */
  | { readonly kind: "closed"; readonly what: string };

const PRIVATE = ["private", "carrierGradeNat", "uniqueLocal"];
const WORDS: Readonly<Record<string, string>> = {
  linkLocal: "a link-local address",
  multicast: "a multicast address",
  broadcast: "a broadcast address",
  unspecified: "no address of a machine",
  rfc6052: "a translated IPv4 address",
  "6to4": "a tunnelled IPv4 address",
  teredo: "a tunnelled IPv4 address",
};
/** Where clouds hand out a machine's own credentials, in ranges that are not closed anyway. */
const METADATA = ["fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16"].map((address) =>
  ipaddr.process(address).toString(),
);
/** All that is handed out for use on the Internet (RFC 4291); the rest of IPv6 is special or not in use. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/** Throws `OutboundRefused` unless every address may be spoken to: one bad one among good ones is an attempt to slip through. */
export function checkAddresses(host: string, addresses: readonly string[], allowed: Allowed): void {
  for (const address of addresses) {
    const refusal = refusalOf(networkOf(address), host, allowed);
    if (refusal === undefined) continue;
    const place = address === host ? host : `${host} (${address})`;
    throw new OutboundRefused(`The hub does not speak to ${place}, ${refusal}`);
  }
}

function refusalOf(network: Network, host: string, allowed: Allowed): string | undefined {
  switch (network.kind) {
    case "public":
      return undefined;
    case "private":
      return allowed.private
        ? undefined
        : `a private address; if it is meant, name ${host} in spec.egress of the Project`;
    case "loopback":
      return allowed.loopback
        ? undefined
        : "its own machine, which only a local hub does; give an address that others reach as well";
    case "closed":
      return `${network.what}, which spec.egress cannot open; give a public address or one of a private network`;
    default:
      return assertNever(network);
  }
}

function networkOf(text: string): Network {
  if (!ipaddr.isValid(text)) return { kind: "closed", what: "no address" };
  const address = ipaddr.process(text);
  if (METADATA.includes(address.toString())) return { kind: "closed", what: "a cloud's metadata service" };
  const range: string = address.range();
  if (range === "loopback") return { kind: "loopback" };
  if (PRIVATE.includes(range)) return { kind: "private" };
  const isGlobal = address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
  if (range === "unicast" && isGlobal) return { kind: "public" };
  return { kind: "closed", what: WORDS[range] ?? "a reserved address" };
}

/** One form for a URL's host and an entry of `egress`: lower case, no brackets, no dot at the end. */
export function hostOf(text: string): string {
  const bare = text.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : bare.replace(/\.$/, "");
}
