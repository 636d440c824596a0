/**
 * The resources people write, parsed once at the edge. An error names document, path and what is allowed.
 */
import { z } from "zod";
import { appSchema } from "./app.ts";
import { clusterSchema } from "./cluster.ts";
import { sourceSchema } from "./source.ts";

export const resourceSchema = z.discriminatedUnion("kind", [sourceSchema, appSchema, clusterSchema]);
export type Resource = z.infer<typeof resourceSchema>;
export type ResourceKind = Resource["kind"];

export type ParsedResource = { kind: "parsed"; resource: Resource } | { kind: "refused"; message: string };

/** `place` says where the document stands, e.g. `document 2`; it opens the refusal. */
export function parseResource(place: string, value: unknown): ParsedResource {
  const parsed = resourceSchema.safeParse(value);
  if (parsed.success) return { kind: "parsed", resource: parsed.data };
  const issues = parsed.error.issues.slice(0, 5).map((issue) => {
    const path = issue.path.join(".");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  return { kind: "refused", message: `${place}${titleOf(value)}: ${issues.join("; ")}` };
}

function titleOf(value: unknown): string {
  const title = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) }).safeParse(value);
  return title.success ? ` (${title.data.kind} ${title.data.metadata.name})` : "";
}
