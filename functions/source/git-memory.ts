/**
 * The files that isomorphic-git wants for one fetch, kept in memory: a fetch leaves nothing on disk,
 * also when its process is killed, and cannot meet another fetch's files. Folders are implied by names.
 * After `signal` every call throws, which ends an operation that nobody waits for any more.
 */
import { type PromiseFsClient } from "isomorphic-git";

/** A file system that starts empty and belongs to one operation. */
export function memoryFiles(signal: AbortSignal): PromiseFsClient {
  const files = new Map<string, Buffer>();
  const existing = (path: string): Buffer => {
    signal.throwIfAborted();
    const bytes = files.get(path);
    if (bytes === undefined) throw missing(path);
    return bytes;
  };
  const stat = async (path: string) => stats(existing(path).byteLength);
  return {
    promises: {
      readFile: async (path: string, options?: ReadOptions) => {
        const bytes = existing(path);
        return encodingOf(options) === "utf8" ? bytes.toString("utf8") : bytes;
      },
      writeFile: async (path: string, content: string | Uint8Array) => {
        signal.throwIfAborted();
        files.set(path, Buffer.from(content as Uint8Array));
      },
      readdir: async (path: string) => namesBelow(files, `${path}/`),
      unlink: async (path: string) => void files.delete(path),
      mkdir: async () => {},
      rmdir: async () => {},
      stat,
      lstat: stat,
      readlink: async (path: string) => Promise.reject(missing(path)),
      symlink: async (path: string) => Promise.reject(missing(path)),
    },
  };
}

type ReadOptions = string | { readonly encoding?: string };

function encodingOf(options: ReadOptions | undefined): string | undefined {
  return typeof options === "string" ? options : options?.encoding;
}

function namesBelow(files: ReadonlyMap<string, Buffer>, prefix: string): string[] {
  const names = new Set<string>();
  for (const path of files.keys()) {
    if (path.startsWith(prefix)) names.add(path.slice(prefix.length).split("/", 1)[0] ?? "");
  }
  return [...names];
}

function stats(size: number): object {
  return { size, mode: 0o100644, isFile: () => true, isDirectory: () => false, isSymbolicLink: () => false };
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file, ${path}`), { code: "ENOENT" });
}
