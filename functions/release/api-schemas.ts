/** Shapes of the built-in kinds that clusters told: few differ, as each version of Kubernetes has one, and few are kept. */
import { apiSchemasSchema, type ApiSchemas } from "#core/api-schemas.ts";
import type { Served } from "../store/served.ts";
import { readApiDocument, type Readable } from "./api-documents.ts";
import { remembered } from "./remembered.ts";

/** Some 3 MB each. */
const KEPT_MAX = 16;

const getApiSchemas = remembered(KEPT_MAX, async (store: Readable, digest) => ({
  value: apiSchemasSchema.parse(await readApiDocument(store, "schemas", digest)),
  size: 1,
}));

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
