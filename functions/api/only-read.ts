/** In a region that does not write, whatever asks for a change is refused before anything is read or done for it. */
import type { MiddlewareHandler } from "hono";
import { mustWrite, type Writer } from "../store/writer.ts";

const READS = new Set(["GET", "HEAD", "OPTIONS"]);

/** `open`: paths that only look, or that decide themselves. What a read would write all the same is held at the table. */
export function onlyRead(writer: Writer | undefined, ...open: readonly RegExp[]): MiddlewareHandler {
  return async ({ req: { method, path } }, next) => {
    if (!READS.has(method) && !open.some((one) => one.test(path))) await mustWrite(writer);
    await next();
  };
}
