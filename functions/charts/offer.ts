/** What a repository has for what an App asks: one version, and the ways to its bytes. Nothing of it is believed yet. */
export interface Offer {
  readonly version: string;
  /** SHA-256 of the archive as the repository says it; undefined where it does not. */
  readonly digest: string | undefined;
  /** Of the manifest in an OCI registry: an App may name this one instead. */
  readonly manifest: string | undefined;
  archive(): Promise<Buffer>;
  /** The text of the provenance file; undefined where there is none. */
  provenance(): Promise<string | undefined>;
  /** What cosign stored beside it. */
  signatures(): Promise<CosignSignature[]>;
}

export interface CosignSignature {
  readonly payload: Buffer;
  /** Base64. */
  readonly signature: string;
}
