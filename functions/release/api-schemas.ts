/** Shapes of the built-in kinds that clusters told: few differ, as each version of Kubernetes has one, and few are kept. */
import { apiSchemasSchema, type ApiSchemas } from "#core/api-schemas.ts";
import type { Served } from "../store/served.ts";
import { readApiDocument, type Readable } from "./api-documents.ts";

/** Some 3 MB each. */
const KEPT_MAX = 16;

const kept = new WeakMap<Readable, Map<string, ApiSchemas>>();

async function getApiSchemas(store: Readable, digest: string): Promise<ApiSchemas> {
  const held = kept.get(store) ?? new Map<string, ApiSchemas>();
  kept.set(store, held);
  const schemas = held.get(digest) ?? apiSchemasSchema.parse(await readApiDocument(store, "schemas", digest));
  held.delete(digest);
  held.set(digest, schemas);
  const [oldest] = held.keys();
  if (held.size > KEPT_MAX && oldest !== undefined) held.delete(oldest);
  return schemas;
}

/**
 * By cluster, as far as they told of the version that they run; one value for all that told the same. Of more than
 * `KEPT_MAX` different ones the rest goes unchecked: a fleet has one for each version of Kubernetes.
 */
export async function readSchemas(
  store: Readable,
  clusters: Iterable<string>,
  served: ReadonlyMap<string, Served>,
): Promise<ReadonlyMap<string, ApiSchemas>> {
  const known = new Map<string, ApiSchemas>();
  const read = new Map<string, ApiSchemas>();
  for (const name of clusters) {
    const { schemas, kubernetes } = served.get(name) ?? {};
    if (schemas === undefined || schemas.kubernetes !== kubernetes) continue;
    const held = read.get(schemas.digest);
    if (held === undefined && read.size >= KEPT_MAX) continue;
    const one = held ?? (await getApiSchemas(store, schemas.digest));
    read.set(schemas.digest, one);
    known.set(name, one);
  }
  return known;
}
