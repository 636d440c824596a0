/**
 * The object store: immutable content under names that hold its digest, and documents written exactly once.
 * Implementations: S3 (`s3.ts`) and a folder (`folder.ts`), held to one conformance suite.
 */
export interface ObjectStore {
  /** Never overwrites: an object that is there stays as it is, and the answer says so. */
  put(key: string, bytes: Uint8Array): Promise<"stored" | "exists">;
  get(key: string): Promise<Uint8Array | undefined>;
}
