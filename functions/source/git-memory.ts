/**
 * The few file operations that the Git library needs, over a map: what a server sends never touches a disk, and no
 * name in it can lead to a file of this machine. Every object the library reads passes here, so this is also where
 * others get their turn and an operation ends with its time. A pack is checked before it is taken in.
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { checkPack } from "./git-pack-check.ts";

const TURN_MS = 10;
/** One for all: the library asks for thousands of files that are not there. */
const NOT_FOUND = Object.assign(new Error("No such file"), { code: "ENOENT" });

/** Lets timers and other events through every few milliseconds; throws the reason of `signal` once it has one. */
export function turns(signal: AbortSignal): () => Promise<void> {
  let since = performance.now();
  return async () => {
    if (performance.now() - since > TURN_MS) {
      await yieldToOthers();
      since = performance.now();
    }
    signal.throwIfAborted();
  };
}

export type MemoryFiles = ReturnType<typeof memoryFiles>;

/** An empty file system for one repository. Writing a pack throws what `checkPack` throws. */
export function memoryFiles(turn: () => Promise<void>) {
  const files = new Map<string, Buffer>();
  let checked: Promise<void> | undefined;
  const missing = (): Promise<never> => Promise.reject(NOT_FOUND);
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    promises: {
      async readFile(path: string, options?: { encoding?: BufferEncoding }): Promise<Buffer | string> {
        await turn();
        const content = files.get(path);
        if (content === undefined) throw NOT_FOUND;
        return options?.encoding === undefined ? content : content.toString(options.encoding);
      },
      async writeFile(path: string, content: Uint8Array | string): Promise<void> {
        const bytes =
          typeof content === "string"
            ? Buffer.from(content)
            : Buffer.from(content.buffer as ArrayBuffer, content.byteOffset, content.byteLength);
        // The library tries a failed write again; the answer would be the same.
        if (path.endsWith(".pack")) await (checked ??= checkPack(bytes, turn));
        files.set(path, bytes);
      },
      async readdir(path: string): Promise<string[]> {
        const names = Array.from(files.keys(), (file) =>
          file.startsWith(`${path}/`) ? file.slice(path.length + 1) : "/",
        );
        return names.filter((name) => !name.includes("/"));
      },
      async unlink(path: string): Promise<void> {
        files.delete(path);
      },
      mkdir: nothing,
      rmdir: nothing,
      stat: missing,
      lstat: missing,
      readlink: missing,
      symlink: missing,
    },
  };
}
