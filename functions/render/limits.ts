/**
 * Every bound of a render that is not a bound of the bundle, in one place. Each stands in the error that it causes, so
 * that a reader of the error knows what was measured against what.
 */

const MEBIBYTE = 1024 * 1024;

/** Files of a repository that one render may see. */
export const FILES_MAX = 20_000;
/** All files of a render together, larger ones than `FILE_BYTES_MAX` left out. */
export const INPUT_BYTES_MAX = 64 * MEBIBYTE;
/** A larger file is not shown to the render: no Kubernetes object could hold it (etcd takes 1.5 MiB). */
export const FILE_BYTES_MAX = 4 * MEBIBYTE;
/** Renders that may wait for a worker. */
export const QUEUE_MAX = 1_000;
/** Aliases (`*name`) that one YAML document may resolve to, counted with those inside of what they name. */
export const ALIASES_MAX = 1_000;
/** Lists (`kind: List`) inside of lists. */
export const LIST_DEPTH_MAX = 4;
/** Characters of an error's message. */
export const MESSAGE_CHARS_MAX = 1_000;

export const TIMEOUT_MS_DEFAULT = 30_000;
export const WORKERS_DEFAULT = 2;
export const MEMORY_BYTES_MAX_DEFAULT = 1024 * MEBIBYTE;

/** A size as people read it: `64 MiB`, `1.5 MiB`. */
export function mebibytes(bytes: number): string {
  return `${Math.round((bytes / MEBIBYTE) * 10) / 10} MiB`;
}
