import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkAddresses, hostOf } from "../../../functions/outbound/address.ts";

const nothing = { private: false, loopback: false };
const all = { private: true, loopback: true };
const may = (address: string, allowed = nothing): boolean => {
  try {
    checkAddresses("host", [address], allowed);
    return true;
  } catch {
    return false;
  }
};

describe("checkAddresses", () => {
  it("lets public addresses through, private ones where a Project opens them, loopback on the local hub", () => {
    for (const address of ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
      expect(may(address), address).toBe(true);
    for (const address of ["10.0.0.5", "172.31.0.1", "192.168.0.1", "100.64.0.1", "fd00::1"])
      expect([may(address), may(address, { ...nothing, private: true })], address).toEqual([false, true]);
    expect([may("127.0.0.1"), may("::1", { ...nothing, loopback: true })]).toEqual([false, true]);
    expect(may("127.0.0.1", { ...nothing, private: true })).toBe(false);
  });

  it("opens link-local, metadata, reserved and translated addresses to nobody", () => {
    const closed = [
      "169.254.169.254",
      "fe80::1%eth0",
      "fd00:ec2::254",
      "0.0.0.0",
      "64:ff9b::a00:1",
      "text",
      "",
    ];
    for (const address of closed) expect(may(address, all), address).toBe(false);
  });

  // What would break: an IPv4 address that passes in another spelling than its own.
  it("says the same of an IPv4 address and of its spelling in IPv6", () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), fc.boolean(), (octets, isPrivate) => {
        const address = octets.join(".");
        const allowed = { private: isPrivate, loopback: false };
        expect(may(`::ffff:${address}`, allowed)).toBe(may(address, allowed));
      }),
    );
  });
});

describe("hostOf", () => {
  it("brings a URL's host and an entry of egress to one form", () => {
    expect(["Git.Corp.", "[FD00:0:0::5]", "fd00::5", "::ffff:10.0.0.5", "10.0.0.5"].map(hostOf)).toEqual([
      "git.corp",
      "fd00::5",
      "fd00::5",
      "10.0.0.5",
      "10.0.0.5",
    ]);
  });
});
