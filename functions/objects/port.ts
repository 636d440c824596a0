/**
 * The object store: immutable content under names that hold its digest, and documents written exactly once.
 * Implementations: S3 (`s3.ts`) and a folder (`folder.ts`), held to one conformance suite.
 */
export interface ObjectStore {
  /** Never overwrites: an object that is there stays as it is, and the answer says so. */
  put(key: string, bytes: Uint8Array): Promise<"stored" | "exists">;
  get(key: string): Promise<Uint8Array | undefined>;
  /**
   * Makes an object young again as another version with the same content, if it is older than `RENEW_AFTER_MS`: whoever
   * looked at it before cannot delete it any more.
   */
  renew(key: string): Promise<"renewed" | "young" | "absent">;
  /** All versions below a folder (`bundles`), keys in order, of each key the current version first. */
  list(folder: string): AsyncIterable<StoredObject>;
  /** That version and no other: an object that was renewed meanwhile stays. Gone already is done. */
  delete(key: string, version: string): Promise<void>;
}

export interface StoredObject {
  key: string;
  version: string;
  /** When it was stored or renewed, by the store's clock (ms). */
  at: number;
  /** What `get` reads; else a version that was renewed since. */
  current: boolean;
}

/**
 * A day: what is referred to again and again costs one renewal in this time, and who refers to an object within the days
 * that the garbage collection leaves beyond it finds it there.
 */
export const RENEW_AFTER_MS = 24 * 60 * 60_000;
