/**
 * Loaded by every function of the emulator: a private address of which loopback is the machine behind. A deployed hub
 * speaks to no loopback, whatever it is told; so its Git server has an address as one inside a company has.
 */
import { Socket } from "node:net";
import { PRIVATE_ADDRESS } from "./private-address.ts";

interface Target {
  host?: string;
}

const connect = Reflect.get(Socket.prototype, "connect") as (...args: unknown[]) => Socket;

/** Node hands over its arguments as one list, other callers as they are. */
function targetOf([first]: unknown[]): Target | undefined {
  const target: unknown = Array.isArray(first) ? first[0] : first;
  return typeof target === "object" && target !== null ? target : undefined;
}

Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
  const target = targetOf(args);
  if (target?.host === PRIVATE_ADDRESS) target.host = "127.0.0.1";
  return connect.apply(this, args);
};
