/**
 * Imported before all else: in a simulation nothing may wait for a thread, or the order of things were the machine's and
 * not the seed's. Gzip is only transport, so here it is no more than a copy.
 */
import { syncBuiltinESMExports } from "node:module";
import zlib from "node:zlib";

type Done = (error: Error | null, bytes: Buffer) => void;

function atOnce(bytes: Uint8Array | string, ...rest: unknown[]): void {
  const done = rest.at(-1) as Done;
  queueMicrotask(() => done(null, Buffer.from(bytes)));
}

Object.assign(zlib, { gzip: atOnce, gunzip: atOnce });
syncBuiltinESMExports();
