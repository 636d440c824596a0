/**
 * The names that every object store takes: plain enough for an S3 key, a URL path and a file path alike, so that
 * no implementation escapes anything and no key can leave its store.
 */
const OBJECT_KEY_CHARS_MAX = 512;
const SEGMENT_CHARS_MAX = 128;
/** Larger than any bundle, so that a source tree fits as well; everything is held in memory once. */
const OBJECT_BYTES_MAX = 64 * 1024 * 1024;

const SEGMENT = /^[a-z0-9._-]+$/;

/** Throws unless `key` is `segment/segment…` of `[a-z0-9._-]`, without `.` and `..`, of at most 512 characters. */
export function checkObjectKey(key: string): void {
  if (key.length > OBJECT_KEY_CHARS_MAX) {
    throw new Error(`object key of ${key.length} characters: at most ${OBJECT_KEY_CHARS_MAX} are allowed`);
  }
  for (const segment of key.split("/")) {
    const sound =
      SEGMENT.test(segment) && segment !== "." && segment !== ".." && segment.length <= SEGMENT_CHARS_MAX;
    if (!sound) {
      const rule = `each part between slashes is 1 to ${SEGMENT_CHARS_MAX} of a-z 0-9 . _ - and neither "." nor ".."`;
      throw new Error(`object key ${JSON.stringify(key)} is not allowed: ${rule}`);
    }
  }
}

/** Throws unless `folder` could be the first part of a key. */
export function checkFolder(folder: string): void {
  checkObjectKey(folder);
  if (folder.includes("/"))
    throw new Error(`object key ${JSON.stringify(folder)} is not allowed: name one folder`);
}

/** Throws when an object of `size` bytes is too large to be stored or read. */
export function checkObjectSize(key: string, size: number): void {
  if (size > OBJECT_BYTES_MAX) {
    throw new Error(`object ${key} has ${size} bytes: at most ${OBJECT_BYTES_MAX} are allowed`);
  }
}
