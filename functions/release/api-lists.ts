/**
 * Lists of the APIs that clusters serve, read once and kept within a bound; equal texts are held once, as lists differ in
 * little.
 */
import { apiListSchema } from "#core/capabilities.ts";
import { findApiDocument, readApiDocument, type Readable } from "./api-documents.ts";

/** Entries of lists that are kept from look to look: some 32 MB. */
const ENTRIES_MAX = 4_000_000;
const TEXTS_MAX = 200_000;
const READS_AT_ONCE = 16;

class ApiLists {
  /** In order of use, the last one last. */
  readonly #lists = new Map<string, readonly string[]>();
  readonly #store: Readable;
  #texts = new Map<string, string>();
  #entries = 0;

  constructor(store: Readable) {
    this.#store = store;
  }

  async get(digests: Iterable<string>): Promise<Map<string, readonly string[]>> {
    const found = new Map<string, readonly string[]>();
    const left: string[] = [];
    for (const digest of new Set(digests)) {
      const held = this.#lists.get(digest);
      if (held === undefined) left.push(digest);
      else found.set(digest, this.#keep(digest, held));
    }
    for (let start = 0; start < left.length; start += READS_AT_ONCE)
      await Promise.all(
        left.slice(start, start + READS_AT_ONCE).map(async (digest) => {
          const list = apiListSchema
            .parse(await readApiDocument(this.#store, "apis", digest))
            .map((api) => this.#shared(api));
          found.set(digest, this.#keep(digest, list));
        }),
      );
    return found;
  }

  #keep(digest: string, list: readonly string[]): readonly string[] {
    if (!this.#lists.delete(digest)) this.#entries += list.length;
    this.#lists.set(digest, list);
    for (const [oldest, { length }] of this.#lists) {
      if (this.#entries <= ENTRIES_MAX) break;
      this.#lists.delete(oldest);
      this.#entries -= length;
    }
    return list;
  }

  #shared(text: string): string {
    const held = this.#texts.get(text);
    if (held !== undefined) return held;
    if (this.#texts.size >= TEXTS_MAX) this.#texts = new Map();
    this.#texts.set(text, text);
    return text;
  }
}

/** What a digest names never changes, so all that read from one store share what was read. */
const shared = new WeakMap<Readable, ApiLists>();

/** Undefined where the store lacks it. */
export async function findApiList(store: Readable, digest: string): Promise<readonly string[] | undefined> {
  const document = await findApiDocument(store, "apis", digest);
  return document === undefined ? undefined : apiListSchema.parse(document);
}

/** By digest. Throws where the store lacks one. */
export async function getApiLists(
  store: Readable,
  digests: Iterable<string>,
): Promise<Map<string, readonly string[]>> {
  const lists = shared.get(store) ?? new ApiLists(store);
  shared.set(store, lists);
  return lists.get(digests);
}
