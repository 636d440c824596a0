/**
 * The resources people write, parsed once at the edge. An error names document, line where it is known, path, what
 * stands there and the fix.
 */
import * as z from "zod";
import { appSchema } from "./app.ts";
import { clusterSchema } from "./cluster.ts";
import { nearest } from "./nearest.ts";
import { policySchema } from "./policy.ts";
import { projectSchema } from "./project.ts";
import { promotionSchema } from "./promotion.ts";
import { issueWords } from "./resource-issues.ts";
import { sourceSchema } from "./source.ts";
import { placeOf, quoted, type TextDocument } from "./text-document.ts";

export const resourceSchema = z.discriminatedUnion("kind", [
  projectSchema,
  sourceSchema,
  appSchema,
  clusterSchema,
  policySchema,
  promotionSchema,
]);
export type Resource = z.infer<typeof resourceSchema>;
export type ResourceKind = Resource["kind"];

export const SCHEMAS: Record<ResourceKind, z.ZodType<Resource>> = {
  Project: projectSchema,
  Source: sourceSchema,
  App: appSchema,
  Cluster: clusterSchema,
  Policy: policySchema,
  Promotion: promotionSchema,
};
export const KINDS = Object.keys(SCHEMAS) as ResourceKind[];

/** `message` is all of `errors` in one line. */
export type ParsedResource =
  | { kind: "parsed"; resource: Resource }
  | { kind: "refused"; message: string; errors: string[] };

const ERRORS_PER_DOCUMENT_MAX = 10;

/** `place` says where the document stands, e.g. `document 2`; it opens each error. */
export function parseResource(place: string, value: unknown): ParsedResource {
  return parse(value, () => `${place}${titleOf(value)}`);
}

/** The same for a document of a text: each error names its line. */
export function parseDocument(document: Omit<TextDocument, "line">): ParsedResource {
  const { name, number, value, lineOf } = document;
  return parse(value, (path) => placeOf(name, number, lineOf(path)));
}

/** The document in `project`, where it names none itself; a Project is its own. */
export function inProject(value: unknown, project: string | undefined): unknown {
  if (project === undefined || typeof value !== "object" || value === null || !("metadata" in value))
    return value;
  const { metadata } = value;
  if (
    kindOf(value) === "Project" ||
    typeof metadata !== "object" ||
    metadata === null ||
    "project" in metadata
  )
    return value;
  return { ...value, metadata: { ...metadata, project } };
}

function parse(value: unknown, placeAt: (path: PropertyKey[]) => string): ParsedResource {
  const kind = kindOf(value);
  if (!isKind(kind)) return refused([`${placeAt(["kind"])}: kind: ${kindWords(value, kind)}`]);
  const schema = SCHEMAS[kind];
  const parsed = schema.safeParse(value);
  if (parsed.success) return { kind: "parsed", resource: parsed.data };
  const found = parsed.error.issues.flatMap((issue) => issueWords(schema, value, issue));
  const errors = found
    .slice(0, ERRORS_PER_DOCUMENT_MAX)
    .map(({ path, words }) => `${placeAt(path)}: ${path.length === 0 ? "" : `${pathText(path)}: `}${words}`);
  return refused(errors);
}

function refused(errors: string[]): ParsedResource {
  return { kind: "refused", message: errors.join("; "), errors };
}

function kindOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined;
}

function isKind(kind: unknown): kind is ResourceKind {
  return typeof kind === "string" && (KINDS as string[]).includes(kind);
}

function kindWords(value: unknown, kind: unknown): string {
  const known = `must be one of ${KINDS.join(", ")}`;
  if (typeof value !== "object" || value === null) return `${known}; a resource is a mapping`;
  if (typeof kind !== "string") return `${known}${kind === undefined ? ", and is missing" : ""}`;
  const near = nearest(kind, KINDS);
  return `${known}, not ${quoted(kind)}${near === undefined ? "" : `: did you mean ${quoted(near)}?`}`;
}

/** `spec.git.url`, `metadata.labels["a.b/c"]`, `spec.overrides[2].name`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      const name = String(step);
      if (!/^[A-Za-z_][A-Za-z0-9_-]{0,59}$/.test(name)) return `[${quoted(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join("");
}

function titleOf(value: unknown): string {
  const title = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) }).safeParse(value);
  if (!title.success) return "";
  const { kind, metadata } = title.data;
  return ` (${cut(kind)} ${cut(metadata.name)})`;
}

function cut(text: string): string {
  return quoted(text).slice(1, -1);
}
