/** The API server's own OpenAPI documents of the built-in groups: an index, then one for each group's version. */
import * as z from "zod";
import { isBuiltIn } from "#core/api-schemas.ts";
import { KubeError } from "./port.ts";
import type { Wire } from "./wire.ts";

const DOCUMENTS_MAX = 100;

const indexSchema = z.object({
  paths: z.record(z.string(), z.object({ serverRelativeURL: z.string().startsWith("/openapi/v3/") })),
});

export async function* readOpenapi(wire: Pick<Wire, "send">): AsyncGenerator {
  const index = indexSchema.safeParse(await wire.send({ method: "GET", path: "/openapi/v3" }));
  if (!index.success) throw new KubeError(502, "NoIndex", "the index of /openapi/v3 is not understood");
  const paths = Object.entries(index.data.paths).filter(([path]) => isBuiltIn(path));
  for (const [, { serverRelativeURL: path }] of paths.slice(0, DOCUMENTS_MAX))
    yield await wire.send({ method: "GET", path });
}
